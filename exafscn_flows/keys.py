"""Keys of documents, made and read here alone. Of all parts, a site alone may hold slashes.

================  ======================================================
site              material:absorber:index
label             site/target
spectrum          site/spectrum
features          site/feature set
model             target/absorber/feature set/model
version           model/hash of the version
experiment        model/experiment, or model/experiment/value
failure           stage/key of what failed
model file        campaign/model/beginning of its checksum
================  ======================================================
"""

from typing import NamedTuple, Self


def site_key(material_id: str, absorber: str, site: int | str) -> str:
    """Name a site as it is named in every collection, e.g. ``mp-19009:Ni:0``."""
    return f"{material_id}:{absorber}:{site}"


def item_key(site: str, name: str) -> str:
    """Key of what a site has several of: labels, spectra, features."""
    return f"{site}/{name}"


def site_of(item: str) -> str:
    """Return the site of such a key."""
    return item.rpartition("/")[0]


def failure_key(stage: str, item: str) -> str:
    """Key of a failure; `item` is the key of what failed."""
    return f"{stage}/{item}"


def failed_item(key: str) -> str:
    """Return the key of what failed from that of the failure."""
    return key.partition("/")[2]


ALL = "all"
"""Stands for the absorber where a model is fitted on all of them."""


class ModelKey(NamedTuple):
    """What a model is named by, whatever its version."""

    target: str
    absorber: str
    feature_set: str
    model: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read the key of a model, or the beginning of that of a version or an experiment."""
        return cls(*key.split("/")[:4])

    def version(self, version: str) -> str:
        """Key of the documents of one version."""
        return f"{self}/{version}"

    def file(self, campaign: str, sha256: str) -> str:
        """GridFS _id of a model's file, by its content: versions may share it."""
        return f"{campaign}/{self}/{sha256[:16]}"

    @classmethod
    def of_file(cls, campaign: str, file: str) -> Self | None:
        """Read such an _id; None if it is none of the campaign."""
        parts = file.removeprefix(f"{campaign}/").split("/")
        return cls(*parts[:4]) if len(parts) == 5 else None

    def experiment(self, experiment: str, value: float | None) -> str:
        """Key of the document of an experiment with it."""
        return f"{self}/{experiment}" + ("" if value is None else f"/{value}")
