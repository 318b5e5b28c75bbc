//! A gate of a cluster, before an engine that a test plays.

use crate::app::{Gate, Outside};
use crate::cluster::link::LinkEvent;
use crate::config::Config;
use crate::limits::CLUSTER_EVENTS_MAX;
use crate::net::{BoxFuture, Dial, Io};
use std::fs::{self, Permissions};
use std::future::pending;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// No backend is there.
struct Nowhere;

impl Dial for Nowhere {
    fn dial<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(pending())
    }
}

pub(in crate::app) struct Scene {
    pub(in crate::app) gate: Gate,
    /// What its link to the engine tells it.
    pub(in crate::app) engine: mpsc::Sender<LinkEvent>,
    folder: TempDir,
}

impl Scene {
    pub(in crate::app) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_secret(folder.path(), "ab");
        let (engine, heard) = mpsc::channel(CLUSTER_EVENTS_MAX);
        let outside = Outside {
            seed: Some(1),
            engine: Some(heard),
            ..Outside::dialing(Arc::new(Nowhere))
        };
        let config = configuration(folder.path(), "");
        Self {
            gate: Gate::start(&config, outside).await.unwrap(),
            engine,
            folder,
        }
    }

    /// The gate's configuration, with further tables.
    pub(in crate::app) fn config(&self, tables: &str) -> Config {
        configuration(self.folder.path(), tables)
    }

    /// The file with the secret holds another one from now on: this octet, so often as it takes.
    pub(in crate::app) fn write_secret(&self, octet: &str) {
        write_secret(self.folder.path(), octet);
    }
}

fn write_secret(folder: &Path, octet: &str) {
    let file = folder.join("secret");
    fs::write(&file, octet.repeat(32)).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
}

fn configuration(folder: &Path, tables: &str) -> Config {
    let secret = folder.join("secret");
    let text = format!(
        "[[listen]]\nname = \"pop3\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
         [[backend]]\nname = \"b\"\naddress = \"192.0.2.1:110\"\n\
         [cluster]\nnodes = [\"127.0.0.1:1\"]\nsecret_file = {secret:?}\n{tables}"
    );
    Config::parse(&text, Path::new("popgate.toml")).unwrap()
}
