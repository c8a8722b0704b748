"""Schemas of resources that are not Kubernetes' own, as far as this project uses them; what is not listed is refused.

KubeEdge's from its API v1beta1 (1.23), those of Fleet, Argo CD and Flux from their documentation.
"""

STRING = {"type": "string", "minLength": 1}
TEXT = {"type": "string"}
BOOLEAN = {"type": "boolean"}
DURATION = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"}
SHARE = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+%$"}]}
FREE = {"type": "object"}


def thing(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def many(items):
    return {"type": "array", "items": items, "minItems": 1}


def texts():
    return {"type": "object", "additionalProperties": TEXT}


def resource(version, kind, spec):
    metadata = thing(["name"], name=STRING, namespace=STRING, labels=texts(), annotations=texts())
    return thing(["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": version}, kind={"const": kind}, metadata=metadata, spec=spec)


SELECTOR = thing(
    matchLabels=texts(),
    matchExpressions=many(thing(["key", "operator"], key=STRING, operator={"enum": ["In", "NotIn", "Exists", "DoesNotExist"]}, values=many(STRING))),
)

# --- KubeEdge

VISITOR = thing(["protocolName"], protocolName=STRING, configData=FREE)
DEVICE_MODEL = resource("devices.kubeedge.io/v1beta1", "DeviceModel", thing(
    ["protocol", "properties"], protocol=STRING, protocolConfigData=FREE,
    properties=many(thing(
        ["name", "type", "accessMode"], name=STRING, description=TEXT, unit=TEXT, minimum=TEXT, maximum=TEXT, visitors=VISITOR,
        type={"enum": ["INT", "FLOAT", "DOUBLE", "STRING", "BOOLEAN", "BYTES", "STREAM"]}, accessMode={"enum": ["ReadWrite", "ReadOnly"]},
    )),
))
DEVICE = resource("devices.kubeedge.io/v1beta1", "Device", thing(
    ["deviceModelRef", "nodeName", "protocol", "properties"],
    deviceModelRef=thing(["name"], name=STRING), nodeName=STRING, protocol=thing(["protocolName"], protocolName=STRING, configData=FREE),
    properties=many(thing(
        ["name", "visitors"], name=STRING, visitors=VISITOR, reportToCloud=BOOLEAN, collectCycle={"type": "integer"}, reportCycle={"type": "integer"},
        desired=thing(["value"], value=TEXT, metadata=texts()), pushMethod=FREE,
    )),
    methods=many(thing(["name"], name=STRING, description=TEXT, propertyNames=many(STRING))),
    stateReport=thing(reportCycle={"type": "integer"}, reportToCloud=BOOLEAN),
))

# --- GitOps

TARGET = {"name": STRING, "clusterName": STRING, "clusterGroup": STRING, "clusterSelector": SELECTOR}
FLEET_YAML = thing(
    defaultNamespace=STRING,
    targetCustomizations=many(thing(["clusterSelector"], **TARGET, kustomize=thing(["dir"], dir=STRING), doNotDeploy=BOOLEAN)),
    rolloutStrategy=thing(
        maxUnavailable=SHARE, maxUnavailablePartitions=SHARE, autoPartitionSize=SHARE, autoPartitionThreshold={"type": "integer"},
        partitions=many(thing(maxUnavailable=SHARE, **TARGET)),
    ),
)
GIT_REPO = resource("fleet.cattle.io/v1alpha1", "GitRepo", thing(
    ["repo", "paths"], repo=STRING, branch=STRING, revision=STRING, paths=many(STRING), pollingInterval=DURATION, keepResources=BOOLEAN,
    correctDrift=thing(enabled=BOOLEAN, force=BOOLEAN, keepFailHistory=BOOLEAN), targets=many(thing(**TARGET)),
))
APPLICATION_SET = resource("argoproj.io/v1alpha1", "ApplicationSet", thing(
    ["generators", "template"], goTemplate=BOOLEAN, goTemplateOptions=many(STRING),
    generators=many(thing(["clusters"], clusters=thing(selector=SELECTOR, values=texts()))),
    strategy=thing(["type"], type={"enum": ["RollingSync", "AllAtOnce"]}, rollingSync=thing(
        ["steps"], steps=many(thing(["matchExpressions"], maxUpdate=SHARE, matchExpressions=many(
            thing(["key", "operator", "values"], key=STRING, operator={"enum": ["In", "NotIn"]}, values=many(STRING)))))),
    ),
    template=thing(["metadata", "spec"], metadata=thing(["name"], name=STRING, labels=texts(), annotations=texts()), spec=thing(
        ["project", "source", "destination"], project=STRING, source=thing(["repoURL", "path"], repoURL=STRING, targetRevision=STRING, path=STRING),
        destination=thing(server=STRING, name=STRING, namespace=STRING),
        syncPolicy=thing(
            automated=thing(prune=BOOLEAN, selfHeal=BOOLEAN), syncOptions=many(STRING),
            retry=thing(limit={"type": "integer"}, backoff=thing(duration=DURATION, factor={"type": "integer"}, maxDuration=DURATION)),
        ),
    )),
))
GIT_REPOSITORY = resource("source.toolkit.fluxcd.io/v1", "GitRepository", thing(
    ["url", "interval"], url=STRING, interval=DURATION, timeout=DURATION, ref=thing(branch=STRING, tag=STRING, commit=STRING, semver=STRING),
))
KUSTOMIZATION = resource("kustomize.toolkit.fluxcd.io/v1", "Kustomization", thing(
    ["sourceRef", "interval", "prune"], sourceRef=thing(["kind", "name"], kind=STRING, name=STRING, namespace=STRING), path=STRING,
    interval=DURATION, retryInterval=DURATION, timeout=DURATION, prune=BOOLEAN, wait=BOOLEAN, targetNamespace=STRING,
    dependsOn=many(thing(["name"], name=STRING, namespace=STRING)),
    decryption=thing(["provider"], provider={"const": "sops"}, secretRef=thing(["name"], name=STRING)),
))

OWN = {(s["properties"]["apiVersion"]["const"], s["properties"]["kind"]["const"]): s
       for s in (DEVICE_MODEL, DEVICE, GIT_REPO, APPLICATION_SET, GIT_REPOSITORY, KUSTOMIZATION)}
