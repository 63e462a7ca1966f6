"""The agent on Kubernetes: the API takes every object, and they fit together and with the image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from keystone_viaduct.sync.agent.topology import read_topology
from tests.unit.deploy.tools import ROOT, checked, tool

FOLDER = ROOT / "deploy/kubernetes"
BASE, EXAMPLE = FOLDER / "agent", FOLDER / "example"
Object = dict[str, Any]


def kustomization(folder: Path) -> Object:
    loaded: Object = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return loaded


def objects() -> Iterator[Object]:
    """All objects of the base, in order."""
    for name in kustomization(BASE)["resources"]:
        yield from yaml.safe_load_all((BASE / name).read_text())


def of_kind(kind: str) -> list[Object]:
    return [found for found in objects() if found["kind"] == kind]


def agent() -> Object:
    (found,) = of_kind("StatefulSet")
    return found


def test_every_file_is_part_of_it() -> None:
    files = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(kustomization(BASE)["resources"])
    for entry in kustomization(EXAMPLE)["resources"]:
        assert (EXAMPLE / entry / "kustomization.yaml").is_file()
    for generator in ("configMapGenerator", "secretGenerator"):
        for made in kustomization(EXAMPLE)[generator]:
            assert all((EXAMPLE / name).is_file() for name in made["files"])


def test_what_it_mounts_is_made_by_the_example_with_the_files_that_the_agent_reads() -> None:
    volumes = agent()["spec"]["template"]["spec"]["volumes"]
    (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "fleet"]
    wanted = {source[kind]["name"] for source in sources for kind in source}
    made = kustomization(EXAMPLE)["configMapGenerator"] + kustomization(EXAMPLE)["secretGenerator"]
    assert {entry["name"] for entry in made} == wanted
    topology = read_topology(EXAMPLE / "viaduct.yaml")
    clouds = yaml.safe_load((EXAMPLE / "clouds.yaml").read_text())["clouds"]
    assert {site.cloud for site in topology.sites.values()} == set(clouds)


def test_ports_probes_and_services_meet_where_the_agent_listens() -> None:
    topology = read_topology(EXAMPLE / "viaduct.yaml")
    assert topology.agent.listen is not None and topology.agent.dashboard is not None
    (container,) = agent()["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"pokes": topology.agent.listen[1], "dashboard": topology.agent.dashboard.listen[1]}
    probes = [container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [(probe["path"], probe["port"]) for probe in probes] == [
        ("/healthz", "pokes"),
        ("/healthz", "pokes"),
        ("/readyz", "pokes"),
    ]
    labels = agent()["spec"]["template"]["metadata"]["labels"]
    for service in of_kind("Service"):
        assert service["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
    for other in (*of_kind("PodDisruptionBudget"), *of_kind("NetworkPolicy")):
        selector = other["spec"].get("selector") or other["spec"]["podSelector"]
        assert selector["matchLabels"].items() <= labels.items()
    (policy,) = of_kind("NetworkPolicy")
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == set(ports)


def test_it_runs_as_the_account_of_the_image_and_needs_no_privilege() -> None:
    pod = agent()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    text = (ROOT / "deploy/container/Containerfile").read_text()
    user, group = re.search(r"^USER (\d+):(\d+)$", text, re.M).groups()  # type: ignore[union-attr]
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (int(user), int(group))
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (claim,) = agent()["spec"]["volumeClaimTemplates"]
    written = {claim["metadata"]["name"], *(v["name"] for v in pod["volumes"] if "emptyDir" in v)}
    topology = read_topology(EXAMPLE / "viaduct.yaml")
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounts[str(topology.agent.memory.parent)] in written  # type: ignore[union-attr]


def test_the_images_are_those_of_this_release() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]  # type: ignore[index]
    tags = [image["newTag"] for folder in (BASE, EXAMPLE) for image in kustomization(folder)["images"]]
    assert set(tags) == {version}
    assert f"VIADUCT:-{version}}}" in (ROOT / "deploy/container/compose.yaml").read_text()


@pytest.mark.parametrize("name", kustomization(BASE)["resources"])
def test_the_api_takes_every_object(name: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="pip's kubernetes-validate has the schemas")
    for found in yaml.safe_load_all((BASE / name).read_text()):
        validate.validate(found, validate.latest_version(), strict=True)


def test_kustomize_builds_the_example() -> None:
    program = tool("kustomize", "go install sigs.k8s.io/kustomize/kustomize/v5@latest makes it")
    built = list(yaml.safe_load_all(checked(program, "build", str(EXAMPLE))))
    assert {found["kind"] for found in built} == {found["kind"] for found in objects()} | {
        "ConfigMap",
        "Secret",
    }
    (stateful,) = [found for found in built if found["kind"] == "StatefulSet"]
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.org/viaduct:")
