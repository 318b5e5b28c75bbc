//! The processes of one peer, with all that they start: their CPU and memory, and their end.
//!
//! A control group counts what processes that have ended used, too, in nanoseconds. Where there can
//! be none the processes that are left are added up, with what each waited for.

use crate::Outcome;
use ::popgate::time::{Duration, Instant};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the groups are that count CPU: version 1 and version 2.
const ACCOUNTS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup/cpuacct", "cpuacct.usage"),
    ("/sys/fs/cgroup", "cpu.stat"),
];
const NAME: &str = "popgate-bench-";
const END_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Group {
    folder: Option<PathBuf>,
    account: &'static str,
    children: Vec<Child>,
}

impl Group {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{NAME}{}-{number}", std::process::id());
        let made = ACCOUNTS.iter().find_map(|(root, account)| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            if folder.join(account).exists() {
                return Some((folder, *account));
            }
            let _ = fs::remove_dir(&folder);
            None
        });
        Self {
            account: made.as_ref().map_or("", |(_, account)| account),
            folder: made.map(|(folder, _)| folder),
            children: Vec::new(),
        }
    }

    /// Ends what a run left that was killed.
    pub(crate) fn sweep() {
        for (root, _) in ACCOUNTS {
            let folders = fs::read_dir(root).into_iter().flatten().flatten();
            for folder in folders.map(|entry| entry.path()) {
                let name = folder.file_name().and_then(|name| name.to_str());
                let of_whom = name.and_then(|name| name.strip_prefix(NAME)?.split('-').next());
                if of_whom.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
                    end_all_in(&folder);
                }
            }
        }
    }

    /// Starts a program as part of the group, in `folder`, where `stderr` gets what it says.
    pub(crate) fn start(&mut self, command: &Command, folder: &Path) -> Outcome<()> {
        let mut started = match &self.folder {
            Some(group) => {
                // It is in the group before it runs anything of its own.
                let mut shell = Command::new("/bin/sh");
                shell
                    .args(["-c", "echo $$ >\"$0\" && exec \"$@\""])
                    .arg(group.join("cgroup.procs"))
                    .arg(command.get_program());
                shell
            }
            None => Command::new(command.get_program()),
        };
        let log = fs::File::create(folder.join("stderr"))?;
        started
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.children.push(started.spawn()?);
        Ok(())
    }

    /// Whether a program that was started has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.children.iter_mut().any(has_ended)
    }

    /// Asks all to end, and waits until they have.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        for id in self.processes() {
            send(id, Signal::TERM);
        }
        let until = Instant::now() + END_PATIENCE;
        while !self.children.iter_mut().all(has_ended) {
            if Instant::now() > until {
                return Err("does not end where it is asked to".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        match &self.folder {
            Some(folder) => cpu_of_group(&fs::read_to_string(folder.join(self.account))?),
            None => self.processes().into_iter().map(cpu_of_process).sum(),
        }
    }

    /// Proportional set size, in octets.
    pub(crate) fn memory(&self) -> u64 {
        let pss = |id: u32| {
            // A process may have ended meanwhile.
            let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        self.processes().into_iter().filter_map(pss).sum::<u64>() * 1_024
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        if let Some(folder) = &self.folder {
            return processes_in(folder);
        }
        let mut all: Vec<u32> = self.children.iter().map(Child::id).collect();
        let mut at = 0;
        while at < all.len() {
            all.extend(children_of(all[at]));
            at += 1;
        }
        all
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        match &self.folder {
            Some(folder) => end_all_in(folder),
            None => self.processes().into_iter().for_each(end),
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn end_all_in(folder: &Path) {
    let until = Instant::now() + END_PATIENCE;
    loop {
        let processes = processes_in(folder);
        if processes.is_empty() || Instant::now() > until {
            break;
        }
        processes.into_iter().for_each(end);
        // A process that was ended is there until its parent has heard of it.
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = fs::remove_dir(folder);
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().is_ok_and(|status| status.is_some())
}

fn end(id: u32) {
    send(id, Signal::KILL);
}

fn send(id: u32, signal: Signal) {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    if let Some(id) = id {
        let _ = kill_process(id, signal);
    }
}

fn processes_in(folder: &Path) -> Vec<u32> {
    let list = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    list.lines().filter_map(|id| id.parse().ok()).collect()
}

fn children_of(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let ids: Vec<_> = lists.collect();
    ids.iter()
        .flat_map(|list| list.split_whitespace())
        .filter_map(|id| id.parse().ok())
        .collect()
}

fn cpu_of_group(account: &str) -> Outcome<Duration> {
    if let Ok(nanoseconds) = account.trim().parse() {
        return Ok(Duration::from_nanos(nanoseconds));
    }
    let usage = account
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "));
    Ok(Duration::from_micros(
        usage.ok_or("the group says no usage")?.parse()?,
    ))
}

/// Of its threads, and of the children that it has waited for.
fn cpu_of_process(id: u32) -> Outcome<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let times = fs::read_to_string(thread?.path().join("schedstat"))?;
        let own = times.split(' ').next().unwrap_or_default().parse()?;
        sum += Duration::from_nanos(own);
    }
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit_once(") ").ok_or("a strange /proc/PID/stat")?.1;
    // cutime and cstime, fields 16 and 17 of proc(5); the state is field 3.
    let of_children = after_name.split(' ').skip(13).take(2);
    let ticks: u64 = of_children
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Ok(sum + Duration::from_millis(ticks * 10))
}
