"""Runs the pods of an overlay: the programs in their images, as an OCI runtime starts them, at Debian's Mosquitto with the broker's own files.

Each story has a network and processes of its own (unshare), so that ports are those of the manifests and nothing is left behind.
"""

import base64
import copy
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

import yaml

import bundle
import rules
from mutations import change, change_container, config_map, put
from workloads import files, named, pod

HERE = pathlib.Path(__file__).resolve().parents[1]
DEPLOY = HERE.parent
DEVICE = "node-01"
# Longest wait for anything: generous, as the machine may be busy.
PATIENCE_S = 60
STORIES = ("k3s", "kubeedge", "classroom", "k3s+signed")
# Pods that are wrong in one place, and what their program must say: the stories can fail.
WRONG = [
    ("a secret of another group", change("gateway-controller", put("securityContext", "runAsGroup", value=65531)), "which is not this process's"),
    ("nowhere to put the control socket", change_container("gateway-controller", lambda c: c["volumeMounts"].pop()), "cannot open the control socket"),
    ("a key that is not known", config_map("gateway-controller", "config.toml", "[log]", "[logs]"), "unknown"),
    ("no certificate of the client", config_map("gateway-controller", "config.toml", "client.crt", "nobody.crt"), "nobody.crt"),
]
NEEDED = ("runc", "mosquitto", "unshare", "setpriv", "ip", "openssl", "readelf")


def check(tally, found, controller, agent):
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if missing or os.geteuid() != 0:
        tally.skip(f"the pods in their containers: {'missing: ' + ' '.join(missing) if missing else 'only root may start them'}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        scratch.chmod(0o755)
        secrets = credentials(tally, scratch)
        for name, program in (("gateway-controller", controller), ("device-agent", agent)):
            unpack(image(scratch, name, program), scratch / "rootfs" / name)
        for name in STORIES:
            # The classroom's broker and certificates are two worlds.
            documents = found[name] + (found["agent"] if name != "classroom" else [])
            code, lines = tell(scratch, name, documents, secrets)
            tally.expect(f"{name}: the pods run: {lines[-1] if code == 0 else ''}", lines[-40:] if code else [])
        for number, (what, edit, words) in enumerate(WRONG):
            documents = copy.deepcopy(found["k3s"])
            edit(documents)
            code, lines = tell(scratch, f"wrong-{number}", documents, secrets)
            tally.expect(f"{what}: the controller says so", [] if code and any(words in line for line in lines) else lines or ["nothing"])


def tell(scratch, name, documents, secrets):
    """Runs a story in namespaces of its own: its exit code, and what it says."""
    work = scratch / name
    work.mkdir()
    (work / "documents.yaml").write_text(yaml.safe_dump_all(documents))
    (work / "secrets.json").write_text(json.dumps(secrets))
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__, str(work), str(scratch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout.strip().splitlines() or ["it died"]


def credentials(tally, scratch):
    """An authority as an operator makes it, and what `secrets` prints of it."""
    folder = scratch / "edge-ca"
    tool = DEPLOY / "credentials"
    for command in (["init", folder, "--gateway", "gateway.local", "mosquitto"], ["device", folder, DEVICE], ["key", folder, f"{DEVICE}.key"]):
        subprocess.run([tool, *command], check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run([HERE / "secrets", folder], check=True, stdout=subprocess.PIPE, text=True).stdout
    documents = list(yaml.safe_load_all(text))
    import main
    tally.expect("secrets: what it prints fits the schema", main.schema_problems(documents, main.VERSIONS[0]))
    secrets = {d["metadata"]["name"]: d["data"] for d in documents}
    wanted = {name: keys or {f"{DEVICE}.key"} for name, keys in rules.SECRETS.items()}
    tally.expect("secrets: it prints what the overlays ask for", [] if {n: set(k) for n, k in secrets.items()} == wanted else [str(secrets.keys())])
    return secrets


def image(scratch, name, program):
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    command = [DEPLOY / "image/build", name, "--program", f"{arch}={program}", "--output", scratch / "image"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def unpack(layout, rootfs):
    """The only layer of the only image."""
    with tarfile.open(layout) as outer:
        def blob(described):
            return outer.extractfile("blobs/sha256/" + described["digest"].split(":")[1])
        index = json.load(outer.extractfile("index.json"))
        manifest = json.load(blob(json.load(blob(index["manifests"][0]))["manifests"][0]))
        rootfs.mkdir(parents=True)
        with tarfile.open(fileobj=blob(manifest["layers"][0])) as layer:
            layer.extractall(rootfs)


# --- One story, in namespaces of its own

class Broker:
    def __init__(self, work, documents, secrets):
        workload = named(documents, "Deployment", "mosquitto")
        self.user = pod(workload)["securityContext"]
        place, data = work / "mosquitto", work / "data"
        data.mkdir()
        os.chown(data, self.user["runAsUser"], self.user["runAsGroup"])
        content = {
            path: (text.replace(b"/etc/mosquitto/", f"{place}/".encode()).replace(b"/etc/mosquitto\n", f"{place}\n".encode())
                   .replace(b"/mosquitto/data/", f"{data}/".encode()) if path.endswith(".conf") else text, mode)
            for path, (text, mode) in files(documents, workload, "/etc/mosquitto", secrets).items()
        }
        # include_dir names the folder without a slash.
        main = content["mosquitto.conf"][0].replace(b"include_dir /etc/mosquitto/conf.d", f"include_dir {place}/conf.d".encode())
        content["mosquitto.conf"] = (main, content["mosquitto.conf"][1])
        bundle.write_volume(place, content, self.user["fsGroup"])
        self.command = ["setpriv", f"--reuid={self.user['runAsUser']}", f"--regid={self.user['runAsGroup']}", "--clear-groups", "mosquitto", "-c", str(place / "mosquitto.conf")]
        self.log = work / "mosquitto.log"
        self.start()

    def start(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        until("the broker runs", lambda: "running" in self.log.read_text(), lambda: self.log.read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Pod:
    def __init__(self, name, work, scratch, documents, secrets, host_paths, variables):
        self.name, self.work = name, work
        workload = named(documents, "Deployment", name) or named(documents, "DaemonSet", name)
        self.container = pod(workload)["containers"][0]
        folder = work / name
        folder.mkdir()
        bundle.make(folder, scratch / "rootfs" / name, documents, workload, secrets, host_paths, variables)
        self.log = work / f"{name}.log"
        self.runtime = ["runc", "--root", str(work / "runc")]
        # Not only of this story: the control groups of the machine are called after it.
        self.id = f"{name}-{work.name.replace('+', '-')}-{scratch.name}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*self.runtime, "run", "--bundle", str(folder), self.id], stdout=log, stderr=log)

    def run(self, *command):
        return subprocess.run([*self.runtime, "exec", self.id, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def probe(self, kind):
        """As the kubelet does: the exit code of the command."""
        return self.run(*self.container[kind]["exec"]["command"]).returncode == 0

    def healthy(self, kind):
        def well():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} has ended: {self.log.read_text()[-3000:]}")
            return self.probe(kind)
        until(f"{self.name}: {kind}", well, lambda: self.log.read_text()[-3000:])

    def stop(self):
        subprocess.run([*self.runtime, "kill", self.id, "TERM"], check=True)
        if self.process.wait(timeout=PATIENCE_S) != 0:
            raise SystemExit(f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-3000:]}")


def until(what, true, explain):
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE_S} s: {what}\n{explain()}")
        time.sleep(0.1)


def memory_kb(program):
    """Of the program that this container runs: proportional set size."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(folder / "exe").endswith(f"/usr/bin/{program}"):
                return int(next(line.split()[1] for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")))
        except (OSError, StopIteration):
            continue
    return 0


def story(work, scratch):
    documents = list(yaml.safe_load_all((work / "documents.yaml").read_text()))
    secrets = {name: {key: base64.b64decode(text) for key, text in data.items()} for name, data in json.loads((work / "secrets.json").read_text()).items()}
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = work / "hosts"
    hosts.write_text("127.0.0.1 localhost mosquitto gateway.local\n")
    dmi = work / "kubeedge"
    dmi.mkdir()
    # As EdgeCore makes it: for root alone.
    edgecore = socket.socket(socket.AF_UNIX)
    edgecore.bind(str(dmi / "dmi.sock"))
    os.chmod(dmi / "dmi.sock", 0o755)
    edgecore.listen()
    edgecore.settimeout(PATIENCE_S)
    broker = Broker(work, documents, secrets)
    host_paths = {"/etc/hosts": hosts, "/etc/kubeedge": dmi}
    controller = Pod("gateway-controller", work, scratch, documents, secrets, host_paths, {})
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        controller.healthy(kind)
    told = "controller ready"
    if any(v["name"] == "dmi" for v in pod(named(documents, "Deployment", "gateway-controller"))["volumes"]):
        edgecore.accept()[0].close()
        told += ", at dmi.sock"
    if named(documents, "DaemonSet", "device-agent"):
        told += ", " + agent_comes(work, scratch, documents, secrets, host_paths, controller)
    told += f", controller PSS {memory_kb('gateway-controller')} kB"
    broker.stop()
    until("the controller is not ready without a broker", lambda: not controller.probe("readinessProbe"), lambda: controller.log.read_text()[-3000:])
    if not controller.probe("livenessProbe"):
        raise SystemExit("the controller would be restarted while the broker is away")
    broker.start()
    controller.healthy("readinessProbe")
    controller.stop()
    print(told)


def agent_comes(work, scratch, documents, secrets, host_paths, controller):
    """The DaemonSet's pod of one node: its own certificate from the node, its name from the node's."""
    tls, state = work / "tls", work / "state"
    tls.mkdir()
    state.mkdir()
    ca = scratch / "edge-ca"
    for source in (ca / "ca.crt", ca / "devices" / DEVICE / "client.crt", ca / "devices" / DEVICE / "client.key"):
        shutil.copy(source, tls)
        os.chmod(tls / source.name, 0o600)
    # There is no GPIO here.
    variables = {"spec.nodeName": DEVICE, "AGENT_GPIO__BACKEND": "sim", "AGENT_GPIO__CHIP": ""}
    agent = Pod("device-agent", work, scratch, documents, secrets,
                {**host_paths, "/etc/device-agent/tls": tls, "/var/lib/device-agent": state}, variables)
    agent.healthy("startupProbe")
    agent.healthy("livenessProbe")

    def online():
        answer = controller.run("/usr/bin/gateway-controller", "devices", "--json")
        devices = json.loads(answer.stdout)["devices"] if answer.returncode == 0 else []
        return any(d["device"] == DEVICE and d["jobs"] > 0 for d in devices)
    until(f"{DEVICE} reports", online, lambda: controller.log.read_text()[-2000:] + agent.log.read_text()[-2000:])
    status = agent.run("/usr/bin/device-agent", "status").stdout
    agent.stop()
    granted = [line.strip() for line in status.splitlines() if "SCHED_" in line or "fifo" in line.lower()]
    return f"{DEVICE} reports ({granted[0] if granted else 'scheduler not told'})"


if __name__ == "__main__":
    story(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
