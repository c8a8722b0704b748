"""A pod of the manifests as a bundle for an OCI runtime: what kubelet and containerd would make of it, as far as it matters to a program.

Volumes have the owners and modes that the kubelet gives them, with its links (..data); user, group, capabilities, read-only root
and no new privileges are those of the pod. Not made here: seccomp, cgroups, the pods' network.
"""

import json
import os
import pathlib

from workloads import files, pod

MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def write_volume(folder, content, group):
    """Files as the kubelet's atomic writer leaves them. content: {path: (bytes, mode)}."""
    version = folder / "..2026_11_21"
    version.mkdir(parents=True)
    for path, (data, mode) in content.items():
        file = version / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode | (0o440 if group else 0))
        if group:
            os.chown(file, 0, group)
    (folder / "..data").symlink_to(version.name)
    for name in {pathlib.PurePosixPath(path).parts[0] for path in content}:
        (folder / name).symlink_to(f"..data/{name}")


def volume(folder, documents, workload, mount, secrets, host_paths):
    """What is to be mounted for a volumeMount of the pod."""
    spec = pod(workload)
    group = spec.get("securityContext", {}).get("fsGroup")
    body = next(v for v in spec["volumes"] if v["name"] == mount["name"])
    place = folder / mount["name"]
    if "hostPath" in body:
        return host_paths[body["hostPath"]["path"]]
    if "emptyDir" in body:
        place.mkdir()
        place.chmod(0o2777 if group else 0o777)
        if group:
            os.chown(place, 0, group)
        return place
    content = files(documents, workload, mount["mountPath"], secrets)
    if "subPath" in mount:
        content = {mount["subPath"]: content[""]}
    write_volume(place, content, group)
    return (place / mount["subPath"]).resolve() if "subPath" in mount else place


def make(folder, rootfs, documents, workload, secrets, host_paths, variables):
    """Writes the bundle. host_paths stand for folders of the node; variables are added to the environment."""
    container, context = pod(workload)["containers"][0], pod(workload).get("securityContext", {})
    own = container.get("securityContext", {})
    capabilities = [f"CAP_{name}" for name in own.get("capabilities", {}).get("add", [])]
    environment = {"PATH": "/usr/bin"}
    for entry in container.get("env", []):
        environment[entry["name"]] = entry["value"] if "value" in entry else variables[entry["valueFrom"]["fieldRef"]["fieldPath"]]
    environment.update({name: text for name, text in variables.items() if name.isupper()})
    user = {"uid": context["runAsUser"], "gid": context["runAsGroup"]}
    if context.get("fsGroup"):
        user["additionalGids"] = [context["fsGroup"]]
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"]},
        {"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "ro"]},
        {"destination": "/etc/hosts", "type": "bind", "source": str(host_paths["/etc/hosts"]), "options": ["rbind", "ro"]},
    ]
    for mount in container.get("volumeMounts", []):
        source = volume(folder, documents, workload, mount, secrets, host_paths)
        mounts.append({"destination": mount["mountPath"], "type": "bind", "source": str(source), "options": ["rbind", "ro" if mount.get("readOnly") else "rw"]})
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": own.get("readOnlyRootFilesystem", False)},
        "process": {
            "args": container.get("command", [f"/usr/bin/{container['name']}"]) + container.get("args", []),
            "cwd": "/", "env": [f"{name}={text}" for name, text in environment.items()], "user": user,
            "noNewPrivileges": own.get("allowPrivilegeEscalation") is False,
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
        },
        "mounts": mounts,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")], "maskedPaths": MASKED, "readonlyPaths": READ_ONLY},
    }
    (folder / "config.json").write_text(json.dumps(config))
