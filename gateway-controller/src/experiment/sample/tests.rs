//! A machine made of files.

use std::fs;

use analysis::experiment::Group;
use tempfile::TempDir;

use super::*;

struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn cpu(&self, busy: u64, idle: u64, stolen: u64) {
        self.write("proc/stat", format!("cpu  {busy} 0 0 {idle} 0 0 0 {stolen} 0 0\ncpu0 1 2 3\n"));
    }

    fn process(&self, pid: u32, comm: &str, ticks: u64, started: u64) {
        let zeros = "0 ".repeat(10);
        self.write(
            &format!("proc/{pid}/stat"),
            format!("{pid} ({comm}) S {zeros}{ticks} 0 0 0 20 0 1 0 {started} 0 0\n"),
        );
        self.write(&format!("proc/{pid}/status"), "Name:\tx\nVmRSS:\t    500 kB\n");
    }

    fn gone(&self, pid: u32) {
        fs::remove_dir_all(self.0.path().join(format!("proc/{pid}"))).unwrap();
    }

    fn sampler(&self, names: &[&str], groups: &[&str]) -> Sampler {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Sampler::new(self.0.path(), &names, &groups.iter().map(PathBuf::from).collect::<Vec<_>>())
    }
}

fn group(gateway: &Gateway, name: &str) -> Option<Group> {
    gateway.groups.iter().find(|group| group.name == name).cloned()
}

#[test]
fn shares_are_of_the_time_between_two_looks() {
    let machine = Machine::new();
    machine.cpu(100, 900, 0);
    machine.write("proc/meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n");
    machine.write(
        "proc/pressure/cpu",
        "some avg10=1.00 avg60=0 avg300=0 total=1000\nfull avg10=0 avg60=0 avg300=0 total=0\n",
    );
    let mut sampler = machine.sampler(&[], &[]);
    assert_eq!(sampler.look(0.0), None);
    machine.cpu(150, 1030, 20);
    machine.write("proc/pressure/cpu", "some avg10=1.00 avg60=0 avg300=0 total=251000\n");
    let gateway = sampler.look(1000.0).unwrap();
    assert_eq!((gateway.span_ms, gateway.cpu, gateway.steal), (1000.0, 0.25, 0.1));
    assert_eq!((gateway.memory_used_kb, gateway.memory_kb, gateway.cpu_pressure), (600, 1000, Some(0.25)));
    fs::remove_dir_all(machine.0.path().join("proc")).unwrap();
    assert_eq!(sampler.look(2000.0), None, "a machine that tells nothing");
}

#[test]
fn processes_come_and_go_and_their_numbers_are_used_again() {
    let machine = Machine::new();
    machine.cpu(0, 1, 0);
    machine.process(7, "mosquitto", 5000, 100);
    machine.process(8, "unknown", 5000, 100);
    let mut sampler = machine.sampler(&["mine"], &[]);
    sampler.look(0.0);
    machine.cpu(0, 2, 0);
    machine.process(7, "mosquitto", 5050, 100);
    let gateway = sampler.look(1000.0).unwrap();
    let expected = Group { name: "mosquitto".into(), processes: 1, cpu: 0.5, memory_kb: 500 };
    assert_eq!(gateway.groups, std::slice::from_ref(&expected));

    // Another process has its number: what it used before it was known is not taken away from, nor added to, anything.
    machine.process(7, "mosquitto", 30, 900);
    machine.process(9, "mine", 20, 901);
    let gateway = sampler.look(2000.0).unwrap();
    assert_eq!(
        group(&gateway, "mosquitto"),
        Some(Group { cpu: 0.3, ..expected.clone() }),
        "it began since the look before"
    );
    assert_eq!(group(&gateway, "mine").map(|group| group.cpu), Some(0.2));

    machine.gone(7);
    machine.process(10, "mosquitto", 7, 950);
    machine.process(11, "mosquitto", 3, 951);
    let gateway = sampler.look(3000.0).unwrap();
    assert_eq!(
        group(&gateway, "mosquitto"),
        Some(Group { processes: 2, cpu: 0.1, memory_kb: 1000, ..expected.clone() })
    );

    machine.gone(10);
    machine.gone(11);
    let gateway = sampler.look(4000.0).unwrap();
    assert_eq!(group(&gateway, "mosquitto"), Some(Group { processes: 0, cpu: 0.0, memory_kb: 0, ..expected }));
}

#[test]
fn long_names_and_beginnings_are_told_apart() {
    let machine = Machine::new();
    machine.cpu(0, 1, 0);
    for (pid, comm, program) in [
        (1, "gateway-control", "/usr/bin/gateway-controller"),
        (2, "gateway-control", "/usr/bin/gateway-control-panel"),
        (3, "containerd", "containerd"),
        (4, "containerd-shim", "/usr/bin/containerd-shim-runc-v2"),
        (5, "k3s-server", "/usr/local/bin/k3s server"),
    ] {
        machine.process(pid, comm, 0, 1);
        machine.write(&format!("proc/{pid}/cmdline"), format!("{program}\0run\0"));
    }
    let mut sampler = machine.sampler(&[], &[]);
    sampler.look(0.0);
    let gateway = sampler.look(1000.0).unwrap();
    let names: Vec<_> = gateway.groups.iter().map(|group| (group.name.as_str(), group.processes)).collect();
    assert_eq!(names, [("gateway-controller", 1), ("containerd", 1), ("containerd-shim*", 1), ("k3s*", 1)]);
}

#[test]
fn proportional_memory_counts_where_it_may_be_read() {
    let machine = Machine::new();
    machine.cpu(0, 1, 0);
    machine.process(7, "mosquitto", 0, 1);
    machine.write("proc/7/smaps_rollup", "5500-5600 ---p 00000000 00:00 0 [rollup]\nRss: 500 kB\nPss: 321 kB\n");
    let mut sampler = machine.sampler(&[], &[]);
    sampler.look(0.0);
    assert_eq!(sampler.look(1000.0).unwrap().groups[0].memory_kb, 321);
}

#[test]
fn control_groups_of_both_versions_are_read() {
    let machine = Machine::new();
    machine.cpu(0, 1, 0);
    machine.write("sys/fs/cgroup/two/cpu.stat", "usage_usec 1000\nuser_usec 1\n");
    machine.write("sys/fs/cgroup/two/memory.current", "2048\n");
    machine.write("sys/fs/cgroup/two/cgroup.procs", "1\n2\n");
    machine.write("sys/fs/cgroup/cpuacct/one/cpuacct.usage", "5000000\n");
    machine.write("sys/fs/cgroup/memory/one/memory.usage_in_bytes", "4096\n");
    let mut sampler = machine.sampler(&[], &["/two", "one", "/sys/fs/cgroup/late"]);
    sampler.look(0.0);
    assert_eq!(sampler.never_seen().collect::<Vec<_>>(), ["/sys/fs/cgroup/late"]);
    machine.write("sys/fs/cgroup/two/cpu.stat", "usage_usec 501000\n");
    machine.write("sys/fs/cgroup/cpuacct/one/cpuacct.usage", "255000000\n");
    let gateway = sampler.look(1000.0).unwrap();
    let expected = |name: &str, processes, cpu, memory_kb| Group { name: name.into(), processes, cpu, memory_kb };
    assert_eq!(gateway.groups, [expected("/two", 2, 0.5, 2), expected("one", 0, 0.25, 4)]);

    // Made anew, and one that was not there before.
    machine.write("sys/fs/cgroup/two/cpu.stat", "usage_usec 100000\n");
    machine.write("sys/fs/cgroup/late/cpu.stat", "usage_usec 77\n");
    fs::remove_dir_all(machine.0.path().join("sys/fs/cgroup/cpuacct")).unwrap();
    let gateway = sampler.look(2000.0).unwrap();
    let used: Vec<_> = gateway.groups.iter().map(|group| group.cpu).collect();
    assert_eq!(used, [0.1, 0.0, 0.0]);
    assert_eq!(sampler.never_seen().next(), None);
}

/// The real one tells something, and this process is in it.
#[test]
fn this_machine_can_be_looked_at() {
    let mut sampler = Sampler::new(Path::new("/"), &[], &[]);
    sampler.look(0.0);
    let gateway = sampler.look(1000.0).unwrap();
    assert_eq!(group(&gateway, "recorder").map(|group| group.processes), Some(1));
    assert!(gateway.memory_kb > gateway.memory_used_kb && gateway.memory_used_kb > 0, "{gateway:?}");
}
