"""Finds its way through rendered manifests."""

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job")


def of_kind(documents, *kinds):
    return [d for d in documents if d.get("kind") in kinds]


def named(documents, kind, name):
    return next((d for d in of_kind(documents, kind) if d["metadata"]["name"] == name), None)


def title(document):
    return f"{document.get('kind')} {document.get('metadata', {}).get('name')}"


def workloads(documents):
    return of_kind(documents, *WORKLOADS)


def pod(workload):
    return workload["spec"]["template"]["spec"]


def containers(workload):
    return pod(workload).get("initContainers", []) + pod(workload)["containers"]


def sources(volume):
    """What a volume is made of: (kind, name, keys or None for all) of each ConfigMap and Secret."""
    found = []
    for source in volume.get("projected", {}).get("sources", []) or [volume]:
        for kind, field, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            if field in source:
                body = source[field]
                keys = [item["key"] for item in body["items"]] if "items" in body else None
                found.append((kind, body.get(name) or body.get("name"), keys))
    return found


def files(documents, workload, mount_path, secrets):
    """What the pod finds below a mount path: {path: (bytes, mode)}. Secrets: {name: {key: bytes}}."""
    container = pod(workload)["containers"][0]
    result = {}
    volumes = {volume["name"]: volume for volume in pod(workload).get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        if mount["mountPath"] != mount_path:
            continue
        volume = volumes[mount["name"]]
        mode = next((volume[k]["defaultMode"] for k in ("projected", "configMap", "secret") if "defaultMode" in volume.get(k, {})), 0o644)
        parts = volume.get("projected", {}).get("sources", []) or [volume]
        for part in parts:
            body = part.get("configMap") or part.get("secret")
            if body is None:
                continue
            if "configMap" in part:
                config_map = named(documents, "ConfigMap", body["name"])
                data = {key: text.encode() for key, text in (config_map or {"data": {}})["data"].items()}
            else:
                data = secrets.get(body.get("secretName") or body.get("name"), {})
            items = body.get("items") or [{"key": key, "path": key} for key in data]
            for item in items:
                if item["key"] in data:
                    result[item["path"]] = (data[item["key"]], item.get("mode", mode))
        if "subPath" in mount:
            result = {"": result[mount["subPath"]]} if mount["subPath"] in result else {}
    return result
