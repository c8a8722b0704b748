"""What the manifests of this project promise beyond the schemas. Each rule takes the documents of one overlay, and says what is wrong."""

import re

from workloads import containers, files, named, of_kind, pod, sources, title, workloads

# Who may run as root, and why, is in the manifests: (overlay, workload).
ROOT = {("kubeedge", "gateway-controller"), ("agent", "device-agent"), ("agent-privileged", "device-agent")}
PRIVILEGED = {("agent-privileged", "device-agent")}
CAPABILITIES = {"device-agent": {"SYS_NICE", "IPC_LOCK"}}
# The defaults of the programs, by the scheme of their URL.
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
CLASSROOM_NODE_PORT = 31883
EDGEX_PORTS = (59880, 59882)
# What `secrets` prints; signing-keys holds one key for each device, whatever it is called.
SECRETS = {
    "mosquitto": {"passwd", "ca.crt", "server.crt", "server.key"},
    "gateway-controller-tls": {"ca.crt", "client.crt", "client.key"},
    "signing-keys": None,
}


def images_are_pinned(overlay, documents):
    for workload in workloads(documents):
        for container in containers(workload):
            image = container["image"]
            tag = image.rsplit("/", 1)[-1].partition(":")[2]
            if "@sha256:" not in image and (not tag or tag == "latest"):
                yield f"{title(workload)}: image {image} has no version of its own"
            if "/" not in image:
                yield f"{title(workload)}: image {image} does not say from where"


def resources_are_bounded(overlay, documents):
    for workload in workloads(documents):
        for container in containers(workload):
            for side in ("requests", "limits"):
                for what in ("cpu", "memory"):
                    if what not in container.get("resources", {}).get(side, {}):
                        yield f"{title(workload)}: no {side}.{what}"


def agent_is_guaranteed(overlay, documents):
    agent = named(documents, "DaemonSet", "device-agent")
    if agent:
        resources = pod(agent)["containers"][0].get("resources", {})
        if resources.get("requests") != resources.get("limits"):
            yield "DaemonSet device-agent: requests and limits differ, so it is not Guaranteed"
        if not str(resources.get("limits", {}).get("cpu", "")).isdigit():
            yield "DaemonSet device-agent: only whole CPUs become its own"


def security_is_complete(overlay, documents):
    for workload in workloads(documents):
        name, spec = workload["metadata"]["name"], pod(workload)
        context = spec.get("securityContext", {})
        root = (overlay.partition("+")[0], name) in ROOT
        if not root and (context.get("runAsNonRoot") is not True or not context.get("runAsUser")):
            yield f"{title(workload)}: it may run as root"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{title(workload)}: seccompProfile is not RuntimeDefault"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{title(workload)}: it gets a token of the cluster"
        for forbidden in ("hostPID", "hostIPC", "shareProcessNamespace"):
            if spec.get(forbidden):
                yield f"{title(workload)}: {forbidden}"
        for container in containers(workload):
            own = container.get("securityContext", {})
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{title(workload)}: its root file system can be written"
            if (overlay, name) in PRIVILEGED:
                continue
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield f"{title(workload)}: it can gain privileges"
            capabilities = own.get("capabilities", {})
            if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - CAPABILITIES.get(name, set()):
                yield f"{title(workload)}: capabilities {capabilities}"


def groups_read_secrets(overlay, documents):
    """Kubernetes makes a mounted secret 0440 for fsGroup; the programs take that from their own primary group only."""
    for workload in workloads(documents):
        spec = pod(workload)
        context = spec.get("securityContext", {})
        mounts_secrets = any(kind == "Secret" for volume in spec.get("volumes", []) for kind, _, _ in sources(volume))
        if mounts_secrets and context.get("runAsUser") and context.get("fsGroup") != context.get("runAsGroup"):
            yield f"{title(workload)}: fsGroup {context.get('fsGroup')} is not runAsGroup {context.get('runAsGroup')}"
        for volume in spec.get("volumes", []):
            body = volume.get("secret") or volume.get("projected")
            if body and any(kind == "Secret" for kind, _, _ in sources(volume)) and body.get("defaultMode", 0o644) & 0o007:
                yield f"{title(workload)}: everybody may read the secret in {volume['name']}"


def no_secret_in_clear(overlay, documents):
    suspicious = re.compile(r"PRIVATE KEY|^\s*password\s*=|\b[0-9a-fA-F]{64}\b", re.M)
    for document in documents:
        if document["kind"] == "Secret":
            yield f"{title(document)}: secrets do not belong here"
        for key, text in document.get("data", {}).items() if document["kind"] == "ConfigMap" else ():
            if suspicious.search(text):
                yield f"{title(document)}: {key} looks like it holds a secret"
    for workload in workloads(documents):
        for container in containers(workload):
            for variable in container.get("env", []):
                if re.search(r"PASSWORD$|SECRET|TOKEN$", variable["name"]) or suspicious.search(str(variable.get("value", ""))):
                    yield f"{title(workload)}: {variable['name']}: secrets come as files"


def references_exist(overlay, documents):
    for workload in workloads(documents):
        spec = pod(workload)
        if not named(documents, "ServiceAccount", spec.get("serviceAccountName", "")):
            yield f"{title(workload)}: no ServiceAccount {spec.get('serviceAccountName')}"
        known = {volume["name"] for volume in spec.get("volumes", [])}
        for container in containers(workload):
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in known:
                    yield f"{title(workload)}: no volume {mount['name']}"
            for source in container.get("envFrom", []):
                yield f"{title(workload)}: envFrom {source}: keys of the configuration are named one by one"
        for volume in spec.get("volumes", []):
            for kind, name, keys in sources(volume):
                if kind == "ConfigMap":
                    config_map = named(documents, kind, name)
                    there = None if config_map is None else set(config_map["data"])
                else:
                    there = SECRETS.get(name, set()) if name in SECRETS else None
                    if name in SECRETS and SECRETS[name] is None:
                        continue
                if there is None:
                    yield f"{title(workload)}: no {kind} {name}"
                elif keys and set(keys) - there:
                    yield f"{title(workload)}: {kind} {name} has no {', '.join(sorted(set(keys) - there))}"
            claim = volume.get("persistentVolumeClaim")
            if claim and not named(documents, "PersistentVolumeClaim", claim["claimName"]):
                yield f"{title(workload)}: no PersistentVolumeClaim {claim['claimName']}"
    for service in of_kind(documents, "Service"):
        selector = service["spec"]["selector"].items()
        if not any(selector <= w["spec"]["template"]["metadata"]["labels"].items() for w in workloads(documents)):
            yield f"{title(service)}: it selects nobody"
    for policy in of_kind(documents, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"].items()
        if not any(selector <= w["spec"]["template"]["metadata"]["labels"].items() for w in workloads(documents)):
            yield f"{title(policy)}: it selects nobody"


def host_network_resolves(overlay, documents):
    for workload in workloads(documents):
        spec = pod(workload)
        # "ClusterFirst" on the node's network means "Default", without saying so.
        allowed = ("ClusterFirstWithHostNet", "Default") if spec.get("hostNetwork") else ("ClusterFirst",)
        if spec.get("dnsPolicy", "ClusterFirst") not in allowed:
            yield f"{title(workload)}: dnsPolicy {spec.get('dnsPolicy')}; allowed: {' '.join(allowed)}"


def names_of_services_are_no_configuration(overlay, documents):
    """GATEWAY_X__Y of a Service called gateway-x--y would be an unknown key, and the controller would not start."""
    for workload in workloads(documents):
        if pod(workload).get("enableServiceLinks") is not False:
            yield f"{title(workload)}: enableServiceLinks is not false"


def pods_stay(overlay, documents):
    """An edge node that is away from the cloud keeps its pods, and a pod that is replaced has gone before the next comes."""
    for workload in workloads(documents):
        tolerations = pod(workload).get("tolerations", [])
        for key in ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"):
            if not any(t.get("key", key) == key and t.get("operator") == "Exists" and "tolerationSeconds" not in t for t in tolerations):
                yield f"{title(workload)}: it does not tolerate {key} for ever"
        if workload["kind"] == "Deployment":
            if workload["spec"].get("strategy", {}).get("type") != "Recreate" or workload["spec"].get("replicas") != 1:
                yield f"{title(workload)}: not one at a time"
        if not pod(workload).get("nodeSelector"):
            yield f"{title(workload)}: no nodeSelector"


def probes_are_there(overlay, documents):
    for workload in workloads(documents):
        for container in containers(workload):
            for probe in ("startupProbe", "livenessProbe"):
                if probe not in container:
                    yield f"{title(workload)}: no {probe}"
            # A restart does not bring the broker back.
            if "--connected" in container.get("livenessProbe", {}).get("exec", {}).get("command", []):
                yield f"{title(workload)}: it would be restarted while the broker is away"


def broker_port(documents):
    """The port that the broker's own configuration opens to others."""
    broker = named(documents, "Deployment", "mosquitto")
    listening = []
    for path, (content, _) in files(documents, broker, "/etc/mosquitto", {}).items():
        if path.startswith("conf.d/"):
            listening += re.findall(r"^listener (\d+)(?: (\S+))?$", content.decode(), re.M)
    return next((int(port) for port, address in listening if not address.startswith("127.")), None)


def url_port(text):
    found = re.search(r'^url = "(mqtts?)://([^:/"]+)(?::(\d+))?"', text, re.M)
    return (found.group(2), int(found.group(3) or DEFAULT_PORTS[found.group(1)])) if found else (None, None)


def ports_agree(overlay, documents):
    broker = named(documents, "Deployment", "mosquitto")
    if broker:
        port = broker_port(documents)
        declared = [p["containerPort"] for p in pod(broker)["containers"][0]["ports"]]
        if declared != [port]:
            yield f"the broker listens on {port}, its pod says {declared}"
        service = named(documents, "Service", "mosquitto")
        for entry in service["spec"]["ports"] if service else ():
            if entry["port"] != port or entry["targetPort"] not in ("mqtt", port):
                yield f"the broker listens on {port}, its Service says {entry}"
            if service["spec"].get("type") == "NodePort" and entry.get("nodePort") != CLASSROOM_NODE_PORT:
                yield f"NodePort {entry.get('nodePort')}, not {CLASSROOM_NODE_PORT}"
        controller = named(documents, "Deployment", "gateway-controller")
        content = files(documents, controller, "/etc/gateway-controller/config.toml", {}).get("", (b"", 0))[0]
        host, asked = url_port(content.decode())
        if asked != port:
            yield f"the controller asks port {asked}, the broker listens on {port}"
        if host != ("mosquitto" if service else "localhost"):
            yield f"the controller asks {host}, which is not where the broker is"
        policy = named(documents, "NetworkPolicy", "gateway-controller")
        allowed = [p["port"] for rule in policy["spec"]["egress"] for p in rule["ports"]] if policy else []
        if sorted(set(allowed)) != sorted({53, port}):
            yield f"the controller's network policy lets out to {allowed}, not to {port} and DNS"
        if policy and (policy["spec"].get("ingress") or "Ingress" not in policy["spec"]["policyTypes"]):
            yield "the controller listens on no port, but its network policy lets somebody in"
    metrics = named(documents, "NetworkPolicy", "gateway-controller-metrics")
    if metrics:
        own = pod(named(documents, "Deployment", "gateway-controller"))["containers"][0]
        listen = next((v["value"] for v in own.get("env", ()) if v["name"] == "GATEWAY_WEB__LISTEN"), "")
        declared = [f"0.0.0.0:{p['containerPort']}" for p in own.get("ports", ()) if p["name"] == "metrics"]
        let_in = [p["port"] for rule in metrics["spec"]["ingress"] for p in rule["ports"]]
        led_to = [p["targetPort"] for p in named(documents, "Service", "gateway-controller")["spec"]["ports"]]
        if declared != [listen] or let_in != ["metrics"] or led_to != ["metrics"]:
            yield f"the controller serves at {listen!r}, its pod says {declared}, its policy lets in to {let_in}, its Service leads to {led_to}"
    edgex = named(documents, "NetworkPolicy", "gateway-controller-edgex")
    if edgex:
        for entry in edgex["spec"]["egress"][0]["ports"]:
            if (entry["port"], entry.get("endPort")) != EDGEX_PORTS:
                yield f"EdgeX has the ports {EDGEX_PORTS}, not {entry}"
    agent = named(documents, "DaemonSet", "device-agent")
    if agent:
        content = files(documents, agent, "/etc/device-agent/config.toml", {}).get("", (b"", 0))[0]
        if url_port(content.decode())[1] != DEFAULT_PORTS["mqtts"]:
            yield "the agent does not ask the port of the broker"


def namespace_keeps_its_standard(overlay, documents):
    for namespace in of_kind(documents, "Namespace"):
        standard = namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
        needs = False
        for workload in workloads(documents):
            spec = pod(workload)
            needs |= bool(spec.get("hostNetwork") or any("hostPath" in v for v in spec.get("volumes", [])))
        if standard != ("privileged" if needs else "restricted"):
            yield f"{title(namespace)}: enforces {standard}"


def mapper_can_be_reached(overlay, documents):
    if overlay.partition("+")[0] != "kubeedge":
        return
    controller = named(documents, "Deployment", "gateway-controller")
    spec = pod(controller)
    if not spec.get("hostNetwork"):
        yield "the mapper's abstract socket is out of EdgeCore's reach"
    if "node-role.kubernetes.io/edge" not in spec.get("nodeSelector", {}):
        yield "the controller may land on a node of the cloud"
    folder = next((v["hostPath"] for v in spec["volumes"] if v["name"] == "dmi"), {})
    if folder.get("type") != "Directory" or folder.get("path", "").endswith(".sock"):
        yield "the folder of dmi.sock is to be mounted, not the socket"


def devices_fit_their_model(overlay, documents):
    models = {m["metadata"]["name"]: m["spec"] for m in of_kind(documents, "DeviceModel")}
    for device in of_kind(documents, "Device"):
        model = models.get(device["spec"]["deviceModelRef"]["name"])
        if model is None:
            yield f"{title(device)}: no such model"
            continue
        if device["spec"]["protocol"]["protocolName"] != model["protocol"]:
            yield f"{title(device)}: its protocol is not that of its model"
        properties = {p["name"]: p for p in model["properties"]}
        for entry in device["spec"]["properties"]:
            known = properties.get(entry["name"])
            if known is None:
                yield f"{title(device)}: its model has no {entry['name']}"
            elif "desired" in entry and known["accessMode"] != "ReadWrite":
                yield f"{title(device)}: {entry['name']} is read only"
            if entry.get("visitors", {}).get("protocolName") != model["protocol"]:
                yield f"{title(device)}: {entry['name']} is visited by another protocol"


RULES = [
    images_are_pinned, resources_are_bounded, agent_is_guaranteed, security_is_complete, groups_read_secrets, no_secret_in_clear,
    references_exist, host_network_resolves, names_of_services_are_no_configuration, pods_stay, probes_are_there, ports_agree,
    namespace_keeps_its_standard, mapper_can_be_reached, devices_fit_their_model,
]
