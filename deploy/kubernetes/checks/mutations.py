"""What each rule must notice: (rule or schema, overlay, what is done to the manifests)."""

from workloads import named, pod


def workload(documents, name):
    return named(documents, "Deployment", name) or named(documents, "DaemonSet", name)


def container(documents, name):
    return pod(workload(documents, name))["containers"][0]


def change(name, edit):
    """An edit of one workload's pod."""
    return lambda documents: edit(pod(workload(documents, name)))


def change_container(name, edit):
    return lambda documents: edit(container(documents, name))


def change_document(kind, name, edit):
    return lambda documents: edit(named(documents, kind, name))


def drop(kind, name):
    return lambda documents: documents.remove(named(documents, kind, name))


def config_map(prefix, key, old, new):
    def edit(documents):
        found = next(d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"].startswith(prefix))
        assert old in found["data"][key], f"{old} is not in {key}"
        found["data"][key] = found["data"][key].replace(old, new)
    return edit


def put(*path, value):
    def edit(tree):
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value
    return edit


def cut(*path):
    def edit(tree):
        for key in path[:-1]:
            tree = tree[key]
        del tree[path[-1]]
    return edit


CONTROLLER, BROKER, AGENT = "gateway-controller", "mosquitto", "device-agent"

MUTATIONS = [
    ("images_are_pinned", "k3s", change_container(CONTROLLER, put("image", value="localhost/gateway-controller:latest"))),
    ("images_are_pinned", "k3s", change_container(BROKER, put("image", value="docker.io/library/eclipse-mosquitto"))),
    ("images_are_pinned", "k3s", change_container(BROKER, put("image", value="eclipse-mosquitto:2.0.22"))),
    ("resources_are_bounded", "k0s", change_container(BROKER, cut("resources", "limits", "memory"))),
    ("resources_are_bounded", "k0s", change_container(CONTROLLER, cut("resources"))),
    ("agent_is_guaranteed", "agent", change_container(AGENT, put("resources", "requests", "cpu", value="500m"))),
    ("agent_is_guaranteed", "agent", lambda documents: [container(documents, AGENT)["resources"][s].update(cpu="1500m") for s in ("requests", "limits")]),
    ("security_is_complete", "k3s", change(CONTROLLER, put("securityContext", "runAsUser", value=0))),
    ("security_is_complete", "k3s", change(CONTROLLER, cut("securityContext", "runAsNonRoot"))),
    ("security_is_complete", "k3s", change(BROKER, cut("securityContext", "seccompProfile"))),
    ("security_is_complete", "k3s", change(BROKER, cut("automountServiceAccountToken"))),
    ("security_is_complete", "k3s", change(BROKER, put("hostPID", value=True))),
    ("security_is_complete", "k3s", change_container(CONTROLLER, cut("securityContext", "readOnlyRootFilesystem"))),
    ("security_is_complete", "k3s", change_container(CONTROLLER, cut("securityContext", "allowPrivilegeEscalation"))),
    ("security_is_complete", "k3s", change_container(CONTROLLER, put("securityContext", "capabilities", "add", value=["NET_ADMIN"]))),
    ("security_is_complete", "agent", change_container(AGENT, put("securityContext", "privileged", value=True))),
    ("security_is_complete", "agent", change_container(AGENT, put("securityContext", "capabilities", "add", value=["SYS_ADMIN"]))),
    ("groups_read_secrets", "k3s", change(CONTROLLER, put("securityContext", "fsGroup", value=1))),
    ("groups_read_secrets", "k3s", change(CONTROLLER, put("volumes", 1, "secret", "defaultMode", value=0o444))),
    ("no_secret_in_clear", "k3s", lambda documents: documents.append({"kind": "Secret", "metadata": {"name": "x"}})),
    ("no_secret_in_clear", "k3s", config_map(CONTROLLER, "config.toml", "[mqtt]\n", '[mqtt]\npassword = "x"\n')),
    ("no_secret_in_clear", "k3s", change_container(CONTROLLER, put("env", value=[{"name": "GATEWAY_MQTT__PASSWORD", "value": "x"}]))),
    ("references_exist", "k3s", lambda documents: documents.remove(next(d for d in documents if d["kind"] == "ConfigMap"))),
    ("references_exist", "k3s", drop("PersistentVolumeClaim", "mosquitto")),
    ("references_exist", "k3s", drop("ServiceAccount", CONTROLLER)),
    ("references_exist", "k3s", change(CONTROLLER, put("volumes", 1, "secret", "secretName", value="nobody"))),
    ("references_exist", "k3s", change(BROKER, put("volumes", 0, "projected", "sources", 2, "secret", "items", 0, "key", value="nothing"))),
    ("references_exist", "k3s", change_container(CONTROLLER, put("volumeMounts", 0, "name", value="nothing"))),
    ("references_exist", "k3s", change_document("Service", "mosquitto", put("spec", "selector", value={"a": "b"}))),
    ("references_exist", "k3s", change_document("NetworkPolicy", CONTROLLER, put("spec", "podSelector", "matchLabels", value={"a": "b"}))),
    ("host_network_resolves", "kubeedge", change(CONTROLLER, cut("dnsPolicy"))),
    ("host_network_resolves", "classroom", change(BROKER, put("dnsPolicy", value="ClusterFirstWithHostNet"))),
    ("names_of_services_are_no_configuration", "k3s", change(CONTROLLER, cut("enableServiceLinks"))),
    ("pods_stay", "kubeedge", change(BROKER, put("tolerations", 0, "tolerationSeconds", value=300))),
    ("pods_stay", "kubeedge", change_document("Deployment", BROKER, put("spec", "strategy", "type", value="RollingUpdate"))),
    ("pods_stay", "kubeedge", change_document("Deployment", CONTROLLER, put("spec", "replicas", value=2))),
    ("pods_stay", "agent", change(AGENT, cut("nodeSelector"))),
    ("probes_are_there", "k3s", change_container(CONTROLLER, cut("livenessProbe"))),
    ("probes_are_there", "k3s", change_container(CONTROLLER, put("livenessProbe", "exec", "command", value=["x", "--connected"]))),
    ("ports_agree", "k3s", change_container(BROKER, put("ports", 0, "containerPort", value=1883))),
    ("ports_agree", "k3s", change_document("Service", "mosquitto", put("spec", "ports", 0, "port", value=1883))),
    ("ports_agree", "classroom", change_document("Service", "mosquitto", put("spec", "ports", 0, "nodePort", value=31884))),
    ("ports_agree", "k3s", config_map(CONTROLLER, "config.toml", "mqtts://mosquitto:8883", "mqtts://mosquitto:8884")),
    ("ports_agree", "kubeedge", config_map(CONTROLLER, "config.toml", "localhost", "mosquitto")),
    ("ports_agree", "k3s", config_map("mosquitto-files", "edge.conf", "listener 8883", "listener 8884")),
    ("ports_agree", "k3s", change_document("NetworkPolicy", CONTROLLER, put("spec", "egress", 0, "ports", 0, "port", value=1))),
    ("ports_agree", "k3s", change_document("NetworkPolicy", CONTROLLER, put("spec", "ingress", value=[{}]))),
    ("ports_agree", "k3s+metrics", change_document("NetworkPolicy", "gateway-controller-metrics", put("spec", "ingress", 0, "ports", 0, "port", value=9090))),
    ("ports_agree", "k0s+signed+metrics", change_container(CONTROLLER, put("ports", 0, "containerPort", value=9090))),
    ("ports_agree", "k3s+edgex", change_document("NetworkPolicy", "gateway-controller-edgex", put("spec", "egress", 0, "ports", 0, "endPort", value=59881))),
    ("ports_agree", "agent", config_map(AGENT, "config.toml", "mqtts://gateway.local", "mqtts://gateway.local:1883")),
    ("namespace_keeps_its_standard", "classroom", change(BROKER, put("hostNetwork", value=True))),
    ("namespace_keeps_its_standard", "k3s", change_document("Namespace", "tp-edge", cut("metadata", "labels", "pod-security.kubernetes.io/enforce"))),
    ("mapper_can_be_reached", "kubeedge", change(CONTROLLER, cut("hostNetwork"))),
    ("mapper_can_be_reached", "kubeedge", change(CONTROLLER, cut("nodeSelector", "node-role.kubernetes.io/edge"))),
    ("mapper_can_be_reached", "kubeedge", lambda documents: next(v for v in pod(workload(documents, CONTROLLER))["volumes"] if v["name"] == "dmi")["hostPath"].update(path="/etc/kubeedge/dmi.sock")),
    ("devices_fit_their_model", "devices", change_document("Device", "pi-01", put("spec", "protocol", "protocolName", value="modbus"))),
    ("devices_fit_their_model", "devices", change_document("Device", "pi-01", put("spec", "properties", 1, "desired", value={"value": "0"}))),
    ("devices_fit_their_model", "devices", change_document("Device", "pi-01", put("spec", "properties", 0, "name", value="mood"))),
    ("schema", "k3s", change_container(CONTROLLER, put("imagePolicy", value="Always"))),
    ("schema", "k3s", change_container(BROKER, put("ports", 0, "containerPort", value="8883"))),
    ("schema", "k3s", change_document("NetworkPolicy", CONTROLLER, cut("spec", "podSelector"))),
    ("schema", "k3s", change_document("PersistentVolumeClaim", "mosquitto", put("spec", "storageClass", value="x"))),
    ("schema", "devices", change_document("DeviceModel", "rt-agent", put("spec", "properties", 0, "type", value="TEXT"))),
    ("schema", "devices", change_document("Device", "pi-01", put("spec", "nodeSelector", value={}))),
    ("schema", "devices", change_document("Device", "pi-01", put("spec", "properties", 0, "desired", "value", value=1))),
    ("schema", "gitops", change_document("ApplicationSet", AGENT, put("spec", "generator", value=[]))),
    ("schema", "gitops", change_document("Kustomization", AGENT, cut("spec", "prune"))),
    ("schema", "gitops", change_document("GitRepository", AGENT, cut("spec", "interval"))),
    ("schema", "gitops", change_document("GitRepo", AGENT, put("spec", "path", value="deploy"))),
]
