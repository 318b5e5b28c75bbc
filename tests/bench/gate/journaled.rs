//! What the record costs: CPU for a short session with the history kept in memory and in a file,
//! beside an equal gate that keeps none.

use crate::Extent;
use crate::cpu::compare;
use crate::process::{Front, start_server};

pub(crate) async fn measure(extent: &Extent) {
    let backend = start_server().await;
    let file = "\n[journal]\nfile = \"popgate.db\"\n";
    let off = Front::popgate_with(backend, &format!("{file}sessions = false\n")).await;
    let on = Front::popgate_with(backend, file).await;
    println!("CPU for a short session with the journal, the writer's batches and seals included");
    compare(extent, ("no history", &off), ("journal", &on)).await;
    println!("CPU for a short session with the history in memory alone");
    let memory = Front::popgate(backend).await;
    compare(extent, ("no history", &off), ("in memory", &memory)).await;
}
