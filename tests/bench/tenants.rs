//! What many tenants cost: to load ten thousand, and to find one of them.

use criterion::{Criterion, criterion_group, criterion_main};
use popgate::config::Config;
use popgate::ids::{ListenerName, UserName};
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;

const TENANTS: usize = 10_000;

/// Tenants that tune something each, and have a user with an exception.
fn file() -> String {
    let mut text = include_str!("../../deploy/config/minimal.toml").to_owned();
    for n in 0..TENANTS {
        write!(
            text,
            "[[tenant]]\nname = \"tenant-{n}\"\n\
             domains = [\"customer-{n}.example\", \"*.customer-{n}.example\"]\n\
             server_names = [\"pop.customer-{n}.example\"]\n\
             default_domain = \"customer-{n}.example\"\nwait = \"20s\"\n\
             polls = {{ every = \"{}s\", per_client = {{ burst = 5 }} }}\n\
             [[tenant.user]]\nname = \"orders\"\nqueue = 20\npolls = {{ enforce = \"off\" }}\n",
            60 + n % 60
        )
        .expect("a string takes what is written to it");
    }
    text
}

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("popgate.toml")).expect("the file is right")
}

fn load(criterion: &mut Criterion) {
    let text = file();
    say_memory(&text);
    let mut group = criterion.benchmark_group("tenants");
    group.sample_size(10);
    group.bench_function(format!("load/{TENANTS}"), |bench| {
        bench.iter(|| black_box(config(&text)));
    });
    group.finish();
}

/// Memory is not criterion's affair. The first load leaves room behind that the next ones use, so
/// that the last one shows what a table keeps: a reload holds two for a moment.
fn say_memory(text: &str) {
    let mut resident = vec![resident_kib()];
    let mut kept = Vec::new();
    for _ in 0..4 {
        kept.push(config(text));
        resident.push(resident_kib());
    }
    black_box(&kept);
    println!(
        "{TENANTS} tenants, a file of {} KiB: KiB resident before and after each of four loads \
         that are kept: {resident:?}",
        text.len() / 1024
    );
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.map_or(0, |number| number.parse().unwrap_or(0))
}

fn find(criterion: &mut Criterion) {
    let config = config(&file());
    let listener = ListenerName::new("pop3");
    for (how, user) in [
        ("exact", "ann@customer-7777.example"),
        ("wildcard", "ann@mail.customer-7777.example"),
        ("user", "orders@customer-7777.example"),
        ("none", "ann@some.where.else.example"),
    ] {
        let user = UserName::new(user.as_bytes());
        criterion.bench_function(&format!("tenants/find/{how}"), |bench| {
            bench.iter(|| black_box(config.tenants.resolve(black_box(&user), None, &listener)));
        });
        criterion.bench_function(&format!("tenants/identify/{how}"), |bench| {
            bench.iter(|| black_box(config.tenants.identify(black_box(&user), None, &listener)));
        });
    }
}

criterion_group!(benches, load, find);
criterion_main!(benches);
