//! Image, Compose file, manifests, popgate's configuration in them and the program agree.

use crate::yaml::{at, document, documents, list, text, texts};
use crate::{COMPOSE, DOCKERFILE, KUBERNETES, SETTINGS, read};
use ipnet::IpNet;
use popgate::config::Config;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// What the container file says of the image.
struct Image {
    /// Of its last stage.
    lines: Vec<String>,
}

impl Image {
    fn read() -> Self {
        let file = read(DOCKERFILE).replace("\\\n", " ");
        let lines = file.lines().map(str::to_owned).collect::<Vec<_>>();
        let last = lines
            .iter()
            .rposition(|it| it.starts_with("FROM "))
            .unwrap();
        let lines = lines[last..].to_vec();
        Self { lines }
    }

    /// What stands behind an instruction.
    fn says(&self, instruction: &str) -> &str {
        let mut lines = self.lines.iter();
        let found = lines.find_map(|it| it.strip_prefix(instruction));
        found.unwrap_or_else(|| panic!("no {instruction}")).trim()
    }

    fn list(&self, instruction: &str) -> Vec<String> {
        serde_json::from_str(self.says(instruction)).unwrap()
    }

    fn has_file(&self, path: &str) -> bool {
        let mut copied = self.lines.iter().filter(|it| it.starts_with("COPY "));
        copied.any(|it| it.ends_with(&format!(" {path}")))
    }

    fn user(&self) -> u64 {
        let (user, _) = self.says("USER ").split_once(':').unwrap();
        user.parse().unwrap()
    }

    fn ports(&self) -> BTreeSet<u16> {
        let ports = self.says("EXPOSE ").split(' ');
        ports.map(|it| it.parse().unwrap()).collect()
    }

    /// Where the gate keeps what must stay.
    fn state(&self) -> String {
        self.list("VOLUME ").remove(0)
    }

    /// The configuration that it starts with.
    fn configuration(&self) -> String {
        self.list("CMD ").pop().unwrap()
    }

    fn probe(&self) -> Vec<String> {
        let (_, command) = self.says("HEALTHCHECK ").split_once(" CMD ").unwrap();
        serde_json::from_str(command).unwrap()
    }

    /// The health check as a Compose file says it.
    fn health_check(&self) -> Value {
        let (options, _) = self.says("HEALTHCHECK ").split_once(" CMD ").unwrap();
        let options = options.split_whitespace().map(|it| {
            let (name, value) = it.strip_prefix("--").unwrap().split_once('=').unwrap();
            let value = value
                .parse::<u64>()
                .map_or_else(|_| value.into(), Value::from);
            (name.replace('-', "_"), value)
        });
        let mut check: serde_json::Map<String, Value> = options.collect();
        let command = [vec!["CMD".to_owned()], self.probe()].concat();
        check.insert("test".to_owned(), command.into());
        check.into()
    }
}

/// popgate's configuration, which must have no fault and no warning.
fn configuration(text: &str) -> Config {
    let config = Config::parse(text, Path::new("/etc/popgate/popgate.toml")).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    config
}

fn ports(config: &Config) -> BTreeSet<u16> {
    config
        .listeners
        .iter()
        .map(|it| it.address.port())
        .collect()
}

/// What keeps the gate's state stands in one folder, which is there.
fn keeps_state_in(config: &Config, folder: &str) {
    let token = config.admin.as_ref().unwrap().token_file.clone().unwrap();
    let journal = config.journal.as_ref().unwrap().file.clone();
    for file in [token, journal] {
        assert_eq!(file.parent().unwrap().to_str().unwrap(), folder);
    }
}

/// The command asks this gate's admin port, with a program of the image.
fn is_probe(command: &[&str], path: &str, config: &Config, image: &Image) {
    let address = config.admin.as_ref().unwrap().address;
    assert!(address.ip().is_loopback());
    assert_eq!(*command.last().unwrap(), format!("http://{address}{path}"));
    assert!(image.has_file(command[0]), "{command:?}");
}

/// Files that must be given to a gate: certificate, key, and the secret of the cluster.
fn needs(config: &Config) -> Vec<String> {
    let tls = &config.tls.as_ref().unwrap().default;
    let secret = &config.cluster.as_ref().unwrap().secret_file;
    let files = [&tls.certificate, &tls.key, secret];
    files.map(|it| it.to_str().unwrap().to_owned()).to_vec()
}

/// `90s`, or `1m30s`.
fn seconds(text: &str) -> Duration {
    let number = text.strip_suffix('s').unwrap().parse().unwrap();
    Duration::from_secs(number)
}

/// The networks of a service, with what it has there or without.
fn networks(service: &Value) -> Vec<&str> {
    match &service["networks"] {
        Value::Object(_) => keys(&service["networks"]).into_iter().collect(),
        _ => texts(service, "/networks"),
    }
}

fn networks_of<'a>(site: &'a Value, service: &str) -> Vec<&'a str> {
    networks(at(site, &format!("/services/{service}")))
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_image_runs_what_is_in_it_and_asks_its_own_port() {
    let image = Image::read();
    assert!(image.has_file(&image.list("ENTRYPOINT ")[0]));
    assert!(image.has_file(&image.state()));
    let user = image.user();
    assert!(read(DOCKERFILE).contains(&format!("--chown={user}:{user} ")));
    // OCI's format, which podman's is, has no health check.
    let commands = read(DOCKERFILE);
    let mut podman = commands.lines().filter(|it| it.contains("podman build"));
    assert!(podman.all(|it| it.contains(" --format docker ")));
    let config = configuration(&read(SETTINGS));
    let probe = image.probe();
    let probe: Vec<&str> = probe.iter().map(String::as_str).collect();
    is_probe(&probe, "/readyz", &config, &image);
    let mut ports = ports(&config);
    ports.insert(config.admin.unwrap().address.port());
    assert_eq!(ports, image.ports());
}

#[test]
fn the_gates_of_the_compose_file_have_what_their_configuration_names() {
    let (image, site) = (Image::read(), document(&read(COMPOSE)));
    let config = configuration(&read(SETTINGS));
    keeps_state_in(&config, &image.state());
    let cluster = config.cluster.as_ref().unwrap();
    let (engine, port) = cluster.nodes[0].split_once(':').unwrap();
    assert_eq!(port, "6379");
    for name in ["gate1", "gate2", "gate3"] {
        let gate = at(&site, &format!("/services/{name}"));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(text(gate, "/image"), format!("popgate:{version}"));
        assert_eq!(text(gate, "/build/dockerfile"), DOCKERFILE);
        assert_eq!(text(gate, "/hostname"), name);
        assert_eq!(at(gate, "/healthcheck"), &image.health_check());
        assert_eq!(keys(at(gate, "/ulimits")), BTreeSet::from(["nofile"]));
        assert_eq!(text(gate, "/configs/0/source"), "popgate");
        assert_eq!(text(gate, "/configs/0/target"), image.configuration());
        let volume = format!("{name}:{}", image.state());
        assert_eq!(texts(gate, "/volumes"), [volume]);
        for file in needs(&config) {
            let secret = file.strip_prefix("/run/secrets/").unwrap();
            assert!(
                texts(gate, "/secrets").contains(&secret),
                "{name}: {secret}"
            );
        }
        assert!(seconds(text(gate, "/stop_grace_period")) > config.server.grace);
        let hosts = texts(gate, "/extra_hosts").join(" ");
        for backend in &config.backends {
            let (host, _) = backend.address.split_once(':').unwrap();
            assert!(hosts.starts_with(&format!("{host}:")), "{hosts}");
        }
        let networks = networks(gate);
        let shared = networks_of(&site, engine);
        assert!(shared.iter().all(|it| networks.contains(it)));
    }
}

/// Docker hands some clients over as from the address of the bridge, which is of the same network.
#[test]
fn the_gates_trust_the_balancer_and_nobody_else_on_its_network() {
    let site = document(&read(COMPOSE));
    let config = configuration(&read(SETTINGS));
    let own = text(&site, "/services/balancer/networks/gates/ipv4_address");
    let trusted = config.server.trusted_networks.iter();
    let trusted: Vec<String> = trusted.map(ToString::to_string).collect();
    assert_eq!(trusted, ["127.0.0.0/8", "::1/128", &format!("{own}/32")]);
    let pool = at(&site, "/networks/gates/ipam/config/0");
    let net = |name: &str| text(pool, name).parse::<IpNet>().unwrap();
    let own: IpAddr = own.parse().unwrap();
    assert!(net("/subnet").contains(&own), "{pool}");
    assert!(
        !net("/ip_range").contains(&own),
        "a gate may get it: {pool}"
    );
    assert_ne!(text(pool, "/gateway"), own.to_string());
    // The network is of IPv4 alone.
    for port in texts(&site, "/services/balancer/ports") {
        assert!(port.starts_with("0.0.0.0:"), "{port}");
    }
}

#[test]
fn nothing_has_to_be_written_into_a_container_that_is_read_only() {
    let site = document(&read(COMPOSE));
    let services = at(&site, "/services").as_object().unwrap();
    let is_closed = |it: &&Value| it["read_only"] == true;
    let closed: Vec<&Value> = services.values().filter(is_closed).collect();
    assert_eq!(closed.len(), 3, "the gates");
    for service in closed {
        for (kind, given) in [
            ("configs", list(service, "/configs")),
            ("secrets", list(service, "/secrets")),
        ] {
            for one in given {
                let name = one.as_str().unwrap_or_else(|| text(one, "/source"));
                let file = text(&site, &format!("/{kind}/{name}/file"));
                assert!(file.starts_with("./"), "{name}: {file}");
            }
        }
    }
    let file = text(&site, "/configs/popgate/file");
    let folder = Path::new(COMPOSE).parent().unwrap();
    assert_eq!(
        folder.join(file.trim_start_matches("./")),
        Path::new(SETTINGS)
    );
}

#[test]
fn all_that_services_of_the_compose_file_name_is_declared() {
    let site = document(&read(COMPOSE));
    for (name, service) in at(&site, "/services").as_object().unwrap() {
        let volumes = texts(service, "/volumes").into_iter();
        let volumes: Vec<&str> = volumes.map(|it| it.split_once(':').unwrap().0).collect();
        let configs = list(service, "/configs").iter();
        let configs: Vec<&str> = configs.map(|it| text(it, "/source")).collect();
        for (kind, used) in [
            ("volumes", volumes),
            ("networks", networks(service)),
            ("secrets", texts(service, "/secrets")),
            ("configs", configs),
        ] {
            let declared = keys(at(&site, &format!("/{kind}")));
            assert!(
                used.iter().all(|it| declared.contains(it)),
                "{name}: {used:?}"
            );
        }
        for other in service["depends_on"].as_object().into_iter().flatten() {
            let health = &site["services"][other.0]["healthcheck"];
            let is_awaited = text(other.1, "/condition") == "service_healthy";
            assert!(!is_awaited || health.is_object(), "{name}: {}", other.0);
            // With the POP3 server down no gate is healthy, and the balancer says so to clients.
            assert!(!is_awaited || name != "balancer", "{}", other.0);
        }
    }
}

#[test]
fn the_balancer_of_the_compose_file_has_the_ports_of_the_gates() {
    let site = document(&read(COMPOSE));
    let config = configuration(&read(SETTINGS));
    assert!(config.listeners.iter().all(|it| it.proxy_protocol));
    let balancer = text(&site, "/configs/haproxy/content");
    let published = texts(&site, "/services/balancer/ports");
    for port in ports(&config) {
        assert!(published.contains(&&*format!("0.0.0.0:{port}:{port}")));
        assert!(balancer.contains(&format!("bind :{port}\n")));
        for gate in ["gate1", "gate2", "gate3"] {
            assert!(balancer.contains(&format!("server {gate} {gate}:{port}\n")));
        }
    }
}

/// The objects of the manifests.
struct Manifests(Vec<Value>);

impl Manifests {
    fn read() -> Self {
        Self(documents(&read(KUBERNETES)).unwrap())
    }

    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        let all = self.0.iter();
        all.filter(|it| text(it, "/kind") == kind).collect()
    }

    fn find(&self, kind: &str, name: &str) -> &Value {
        let mut all = self.of_kind(kind).into_iter();
        let found = all.find(|it| text(it, "/metadata/name") == name);
        found.unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    fn config(&self) -> Config {
        configuration(text(
            self.find("ConfigMap", "popgate"),
            "/data/popgate.toml",
        ))
    }
}

fn pod(set: &Value) -> &Value {
    at(set, "/spec/template/spec")
}

fn mounts(container: &Value) -> Vec<&str> {
    let mounts = list(container, "/volumeMounts").iter();
    mounts.map(|it| text(it, "/mountPath")).collect()
}

#[test]
fn whatever_is_selected_and_mounted_in_kubernetes_is_there() {
    let manifests = Manifests::read();
    let namespace = text(manifests.of_kind("Namespace")[0], "/metadata/name");
    let mut labels = Vec::new();
    for set in manifests.of_kind("StatefulSet") {
        let of_pods = at(set, "/spec/template/metadata/labels");
        assert_eq!(at(set, "/spec/selector/matchLabels"), of_pods);
        labels.push((of_pods, pod(set)));
        let service = manifests.find("Service", text(set, "/spec/serviceName"));
        assert_eq!(text(service, "/spec/clusterIP"), "None");
        assert_eq!(at(service, "/spec/selector"), of_pods);
        let claims = list(set, "/spec/volumeClaimTemplates").iter();
        let claims = claims.map(|it| text(it, "/metadata/name"));
        let volumes = list(pod(set), "/volumes")
            .iter()
            .map(|it| text(it, "/name"));
        let volumes: BTreeSet<&str> = volumes.chain(claims).collect();
        let mounted = list(pod(set), "/containers/0/volumeMounts").iter();
        let mounted: BTreeSet<&str> = mounted.map(|it| text(it, "/name")).collect();
        assert_eq!(mounted, volumes);
    }
    for service in manifests.of_kind("Service") {
        let selected = at(service, "/spec/selector");
        let (_, pod) = labels.iter().find(|it| it.0 == selected).unwrap();
        let open = list(pod, "/containers/0/ports");
        for port in list(service, "/spec/ports") {
            let found = match port.get("targetPort").and_then(Value::as_str) {
                Some(name) => open.iter().any(|it| text(it, "/name") == name),
                None => open.iter().any(|it| it["containerPort"] == port["port"]),
            };
            assert!(found, "{port}");
        }
    }
    let budget = manifests.find("PodDisruptionBudget", "popgate");
    let selected = at(budget, "/spec/selector/matchLabels");
    assert!(labels.iter().any(|it| it.0 == selected));
    for object in &manifests.0[1..] {
        assert_eq!(text(object, "/metadata/namespace"), namespace);
    }
}

#[test]
fn the_gates_of_kubernetes_have_what_their_configuration_names() {
    let (image, manifests) = (Image::read(), Manifests::read());
    let config = manifests.config();
    let set = manifests.find("StatefulSet", "popgate");
    let pod = pod(set);
    let gate = at(pod, "/containers/0");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(text(gate, "/image"), format!("popgate:{version}"));
    for user in ["runAsUser", "runAsGroup", "fsGroup"] {
        let user = at(pod, &format!("/securityContext/{user}"));
        assert_eq!(user, image.user());
    }
    let open = list(gate, "/ports").iter().map(|it| &it["containerPort"]);
    let open: BTreeSet<u16> = open
        .map(|it| it.as_u64().unwrap().try_into().unwrap())
        .collect();
    assert_eq!(open, ports(&config));
    let mounts = mounts(gate);
    keeps_state_in(&config, &image.state());
    assert!(mounts.contains(&&*image.state()) && mounts.contains(&&*image.configuration()));
    for file in needs(&config) {
        let folder = Path::new(&file).parent().unwrap().to_str().unwrap();
        assert!(mounts.contains(&folder), "{file}");
    }
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        let command = texts(gate, &format!("/{probe}/exec/command"));
        is_probe(&command, path, &config, &image);
    }
    let grace = at(pod, "/terminationGracePeriodSeconds").as_u64().unwrap();
    assert!(Duration::from_secs(grace) > config.server.grace);
    let (engine, port) = config.cluster.as_ref().unwrap().nodes[0]
        .split_once(':')
        .unwrap();
    let engine = manifests.find("Service", engine);
    // One that stays: names of pods are remembered for a while.
    assert_eq!(engine.pointer("/spec/clusterIP"), None);
    assert_eq!(at(engine, "/spec/ports/0/port").to_string(), port);
}

/// Affinity would choose among the gates of one node alone, and some clouds refuse it.
#[test]
fn clients_of_kubernetes_keep_their_addresses() {
    let manifests = Manifests::read();
    let spec = at(manifests.find("Service", "popgate"), "/spec");
    assert_eq!(text(spec, "/externalTrafficPolicy"), "Local");
    assert_eq!(spec.get("sessionAffinity"), None);
}

/// The version of the Valkey that the tests of the engine run with.
fn tried_version() -> String {
    let wheels = read("tests/wheels.txt");
    let mut lines = wheels.lines();
    let found = lines.find_map(|line| {
        let version = line.strip_prefix("# valkey-server ")?;
        version.strip_suffix(", as deploy/container and deploy/kubernetes have it")
    });
    found.unwrap().to_owned()
}

#[test]
fn both_have_the_same_engine_that_forgets_no_lock() {
    let site = document(&read(COMPOSE));
    let manifests = Manifests::read();
    let set = manifests.find("StatefulSet", "valkey");
    let container = at(pod(set), "/containers/0");
    let service = at(&site, "/services/valkey");
    let tried = format!("docker.io/valkey/valkey:{}", tried_version());
    for of in [container, service] {
        assert_eq!(text(of, "/image"), tried);
    }
    for options in [texts(container, "/args"), texts(service, "/command")] {
        let options = options.join(" ");
        assert!(
            options.contains("--maxmemory-policy noeviction"),
            "{options}"
        );
        assert!(
            options.contains("--appendonly yes --appendfsync everysec"),
            "{options}"
        );
    }
}
