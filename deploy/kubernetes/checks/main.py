"""Renders every overlay, and holds the result to the schemas and to the rules of this folder."""

import argparse
import contextlib
import copy
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import jsonschema
import yaml

import mutations
import pods
import rules
import schemas
from workloads import title

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

HERE = pathlib.Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
# Of KubeEdge 1.23 (its libraries), and the newest that the validator knows.
VERSIONS = ("1.32", "1.37")
# What a site may compose: (name, overlay, components).
COMPOSED = [
    ("k3s+node-port", "k3s", ["node-port"]), ("microk8s+node-port", "microk8s", ["node-port"]), ("k0s+node-port", "k0s", ["node-port"]),
    ("k3s+signed", "k3s", ["signed"]), ("kubeedge+signed", "kubeedge", ["signed"]), ("k3s+edgex", "k3s", ["edgex"]),
    ("k3s+metrics", "k3s", ["metrics"]), ("k0s+signed+metrics", "k0s", ["signed", "metrics"]),
]


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def expect(self, what, problems):
        problems = list(problems)
        if problems:
            self.failed += 1
            print(f"FAILED: {what}")
            for problem in problems:
                print(f"    {problem}")
        else:
            self.passed += 1
            print(f"ok: {what}")

    def skip(self, what):
        self.skipped += 1
        print(f"skipped: {what}")


def kustomize(tool, folder):
    done = subprocess.run([*tool, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"FAILED: {folder} cannot be rendered: {done.stderr}")
    if done.stderr.strip():
        raise SystemExit(f"FAILED: {folder}: {done.stderr}")
    return [d for d in yaml.safe_load_all(done.stdout) if d]


def rendered(tool):
    found = {path.parent.name: kustomize(tool, path.parent) for path in sorted(HERE.glob("overlays/*/kustomization.yaml"))}
    found["agent"] = kustomize(tool, HERE / "agent")
    found["devices"] = list(yaml.safe_load_all((ROOT / "deploy/kubeedge/devices.yaml").read_text()))
    with tempfile.TemporaryDirectory() as scratch:
        for name, overlay, components in COMPOSED:
            folder = pathlib.Path(scratch, name)
            folder.mkdir()
            def near(path):
                return os.path.relpath(HERE / path, folder.resolve())
            content = {"resources": [near(f"overlays/{overlay}")], "components": [near(f"components/{c}") for c in components]}
            (folder / "kustomization.yaml").write_text(yaml.safe_dump({**content, "namespace": "tp-edge"}))
            found[name] = kustomize(tool, folder)
    return found


def gitops():
    documents = []
    for path in sorted(HERE.glob("gitops/*.yaml")):
        documents += [d for d in yaml.safe_load_all(path.read_text()) if d]
    return documents


def schema_problems(documents, version):
    for document in documents:
        own = schemas.OWN.get((document.get("apiVersion"), document.get("kind")))
        try:
            if own:
                jsonschema.validate(document, own)
            else:
                with contextlib.redirect_stdout(io.StringIO()):
                    kubernetes_validate.validate(document, version, strict=True)
        except jsonschema.ValidationError as error:
            yield f"{title(document)}: {'/'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.ValidationError as error:
            yield f"{title(document)}: {error}"
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
            yield f"{title(document)}: no schema: {error}"


def gitops_problems(documents, fleet):
    """What the examples point at is there."""
    for target in fleet["targetCustomizations"]:
        if "kustomize" in target and not (ROOT / "deploy" / target["kustomize"]["dir"] / "kustomization.yaml").exists():
            yield f"deploy/fleet.yaml: no {target['kustomize']['dir']}"
    for document in documents:
        spec = document["spec"]
        paths = [*spec.get("paths", []), *([spec["path"]] if "path" in spec else [])]
        if document["kind"] == "ApplicationSet":
            paths.append(spec["template"]["spec"]["source"]["path"].split("{{")[0])
        for path in paths:
            if not path.startswith("./sites/") and not (ROOT / path).exists():
                yield f"{title(document)}: no {path}"
        names = {d["metadata"]["name"] for d in documents if d["kind"] == document["kind"]}
        for other in spec.get("dependsOn", []):
            if other["name"] not in names:
                yield f"{title(document)}: it waits for {other['name']}, which is not there"
    if not (ROOT / "deploy/fleet.yaml").exists():
        yield "no deploy/fleet.yaml"


def version_problems(found):
    """The image that is asked for is the one that deploy/image makes of this version."""
    version = re.search(r'^\[workspace\.package\][^\[]*?^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M | re.S).group(1)
    for overlay, documents in found.items():
        for workload in rules.workloads(documents):
            for container in rules.containers(workload):
                name = workload["metadata"]["name"]
                if name != "mosquitto" and container["image"] != f"localhost/{name}:{version}":
                    yield f"{overlay}: {title(workload)} asks for {container['image']}, not for version {version}"


def mapper_problems(found, controller):
    """Overlay, devices and the controller's own table of keys say the same."""
    table = subprocess.run([controller, "init"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    section = table[table.index("\n[kubeedge]"):]
    allowed = set(re.findall(r'"(\w+)"', re.search(r"^# Allowed: (.*mode_source.*)$", section, re.M).group(1)))
    socket, protocol = (re.search(rf'^#? ?{key} = "([^"]+)"', section, re.M).group(1) for key in ("dmi_socket", "protocol"))
    for model in (d["spec"] for d in found["devices"] if d["kind"] == "DeviceModel"):
        unknown = {p["name"] for p in model["properties"]} - allowed
        if unknown:
            yield f"the controller reports no {', '.join(sorted(unknown))}"
        if model["protocol"] != protocol:
            yield f"the model's protocol is {model['protocol']}, the controller's {protocol}"
    spec = rules.pod(rules.named(found["kubeedge"], "Deployment", "gateway-controller"))
    places = [m["mountPath"] for m in spec["containers"][0]["volumeMounts"] if m["name"] == "dmi"]
    if places != [str(pathlib.Path(socket).parent)]:
        yield f"the controller looks for {socket}, mounted is {places}"


def problems_of(rule, overlay, documents):
    if rule == "schema":
        return list(schema_problems(documents, VERSIONS[0]))
    return list(getattr(rules, rule)(overlay, documents))


def mutants(tally, found):
    """Each rule is seen to fail, on manifests that are wrong in one place."""
    seen = set()
    for number, (rule, overlay, edit) in enumerate(mutations.MUTATIONS):
        documents = copy.deepcopy(found[overlay])
        edit(documents)
        noticed = problems_of(rule, overlay, documents)
        if not noticed or documents == found[overlay]:
            tally.expect(f"mutation {number} of {overlay} is noticed by {rule}", ["it is not"])
        seen.add(rule)
    missing = {rule.__name__ for rule in rules.RULES} - seen
    tally.expect(f"each of {len(rules.RULES)} rules and the schemas notice what is wrong: {len(mutations.MUTATIONS)} mutations", sorted(missing))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kustomize", required=True, help="the command that renders a folder")
    parser.add_argument("--controller", required=True, type=pathlib.Path)
    parser.add_argument("--agent", required=True, type=pathlib.Path)
    options = parser.parse_args()
    tally = Tally()
    found = rendered(options.kustomize.split())
    for overlay, documents in found.items():
        for version in VERSIONS:
            tally.expect(f"{overlay}: {len(documents)} resources fit the schemas of Kubernetes {version}", schema_problems(documents, version))
        tally.expect(f"{overlay}: the rules", (f"{rule.__name__}: {p}" for rule in rules.RULES for p in rule(overlay, documents)))
    tally.expect("the images are those of this version", version_problems(found))
    tally.expect("KubeEdge: devices, mapper and overlay agree", mapper_problems(found, options.controller))
    examples = gitops()
    fleet = yaml.safe_load((ROOT / "deploy/fleet.yaml").read_text())
    tally.expect("GitOps: the examples fit their schemas", schema_problems(examples, VERSIONS[0]))
    tally.expect("GitOps: fleet.yaml fits its schema", (e.message for e in jsonschema.Draft202012Validator(schemas.FLEET_YAML).iter_errors(fleet)))
    tally.expect("GitOps: what the examples name is there", gitops_problems(examples, fleet))
    found["gitops"] = examples
    mutants(tally, found)
    pods.check(tally, found, options.controller, options.agent)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
