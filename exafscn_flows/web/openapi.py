"""What the REST interface says of itself: an OpenAPI document, and a page that shows it."""

from functools import lru_cache
from html import escape
from importlib.metadata import version
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from exafscn_flows.web.parameters import MOST_ROWS, ROWS, Parameters, PredictionParameters, Whole


class NoParameters(Parameters):
    """Nothing is asked for."""


class PageParameters(Parameters):
    """Where a page of a list begins, and how long it is."""

    after: str | None = Field(
        default=None, min_length=1, max_length=500, description="Token of the page before."
    )
    limit: Whole = Field(default=ROWS, ge=1, le=MOST_ROWS, description="Most rows of a page.")


class SiteParameters(Parameters):
    """One site."""

    site: str = Field(min_length=1, max_length=500, description="Key of the site.")


class FileParameters(SiteParameters):
    """One file of a site."""

    format: Literal["cif", "feff", "xdi"] = Field(
        description="CIF of the crystal, feff.inp, or XDI."
    )
    spectrum: str | None = Field(
        default=None, max_length=100, description="Name of the spectrum; by default the first."
    )


class ExportParameters(PredictionParameters):
    """Conditions on predictions, and the kind of file."""

    format: Literal["csv", "jsonl", "parquet"] = Field(default="csv", description="Kind of file.")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class ErrorAnswer(_Answer):
    """What is wrong, in one line."""

    error: str


class CampaignsAnswer(_Answer):
    """Names of campaigns."""

    campaigns: list[str]


class CampaignAnswer(_Answer):
    """What a campaign consists of."""

    campaign: str
    absorbers: list[str]
    targets: list[dict[str, Any]]
    spectra: list[str]
    feature_sets: list[str]
    models: list[str]


class PredictionsAnswer(_Answer):
    """A page of predictions, and the token of the next one."""

    rows: list[dict[str, Any]]
    after: str | None
    target: str


class CountAnswer(_Answer):
    """How many predictions there are."""

    count: int


class ObjectAnswer(_Answer):
    """Documents, as they are described in the reference."""


class Operation(NamedTuple):
    """One thing that can be asked."""

    path: str
    summary: str
    parameters: type[BaseModel]
    answer: type[BaseModel] | None = None
    kind: str = "application/json"


_CAMPAIGN = "/campaigns/{campaign}"
OPERATIONS = (
    Operation(
        "/predictions",
        "Predictions of all campaigns, a page of them",
        PredictionParameters,
        PredictionsAnswer,
    ),
    Operation("/count", "How many predictions of all campaigns", PredictionParameters, CountAnswer),
    Operation("/campaigns", "Names of all campaigns", NoParameters, CampaignsAnswer),
    Operation(_CAMPAIGN, "What a campaign consists of", NoParameters, CampaignAnswer),
    Operation(f"{_CAMPAIGN}/status", "Done, failed and pending", NoParameters, ObjectAnswer),
    Operation(
        f"{_CAMPAIGN}/predictions",
        "Predictions that meet conditions, a page of them",
        PredictionParameters,
        PredictionsAnswer,
    ),
    Operation(
        f"{_CAMPAIGN}/count", "How many predictions these are", PredictionParameters, CountAnswer
    ),
    Operation(
        f"{_CAMPAIGN}/export",
        "All of them in one file",
        ExportParameters,
        kind="application/octet-stream",
    ),
    Operation(f"{_CAMPAIGN}/metrics", "Quality of the models", NoParameters, ObjectAnswer),
    Operation(f"{_CAMPAIGN}/failures", "What failed, and why", PageParameters, ObjectAnswer),
    Operation(f"{_CAMPAIGN}/site", "All that is known of a site", SiteParameters, ObjectAnswer),
    Operation(f"{_CAMPAIGN}/site/file", "A file of a site", FileParameters, kind="text/plain"),
    Operation(f"{_CAMPAIGN}/report", "The report", NoParameters, kind="text/html"),
)


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    schemas: dict[str, Any] = {}
    paths = {one.path: {"get": _operation(one, schemas)} for one in OPERATIONS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "exafscn",
            "version": version("exafscn"),
            "description": "Reads campaigns; nothing can be changed.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(one.answer, schemas) if one.answer else {"type": "string"}
    good: dict[str, Any] = {"description": "found", "content": {one.kind: {"schema": schema}}}
    responses = {"200": good}
    wrong = {"application/json": {"schema": _schema(ErrorAnswer, schemas)}}
    reasons = {"400": "it makes no sense", "404": "there is none"}
    for status, reason in (reasons | {"503": "the database is not there"}).items():
        responses[status] = {"description": reason, "content": wrong}
    responses["401"] = {"description": "the token is wrong", "content": {"text/plain": {}}}
    return {
        "summary": one.summary,
        "operationId": one.path.replace("{campaign}", "").strip("/").replace("/", "-"),
        "parameters": _parameters(one),
        "responses": responses,
    }


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{campaign}" in one.path:
        found.append(
            {"name": "campaign", "in": "path", "required": True, "schema": {"type": "string"}}
        )
    schema = one.parameters.model_json_schema()
    for name, each in schema.get("properties", {}).items():
        inner = _inlined(each, schema.get("$defs", {}))
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "description": inner.pop("description", ""),
                "schema": inner,
            }
        )
    return found


def _inlined(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter; one that is left out has no value, which is not null."""
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
        del schema["$ref"]
    if "anyOf" in schema:
        (given,) = (each for each in schema["anyOf"] if each.get("type") != "null")
        rest = {name: one for name, one in schema.items() if name not in ("anyOf", "default")}
        schema = {**_inlined(given, definitions), **rest}
    return {name: one for name, one in schema.items() if name != "title"}


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schemas[model.__name__] = model.model_json_schema()
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def shown() -> str:
    """Return the page that shows the document; nothing of it comes from anywhere else."""
    parts = []
    for one in OPERATIONS:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td>"
            f"<td>{escape(_kind(each['schema']))}</td>"
            f"<td>{escape(each.get('description', ''))}</td></tr>"
            for each in _parameters(one)
        )
        table = (
            f"<table><thead><tr><th>parameter</th><th>kind</th><th>meaning</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
            if rows
            else ""
        )
        parts.append(
            f"<h2><code>GET /api{escape(one.path)}</code></h2><p>{escape(one.summary)}: "
            f"<code>{escape(one.kind)}</code>.</p>{table}"
        )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>exafscn: REST</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/assets/page.css"></head><body>'
        '<header><strong class="brand">exafscn</strong><nav aria-label="pages"><a href="/">Spectrum'
        '</a><a href="/screening">Screening</a></nav></header><main><h1>For programs</h1>'
        "<p>All of it is read-only. Programs send the token of the address as "
        "<code>Authorization: Bearer TOKEN</code>. The same as "
        '<a href="/api/openapi.json">OpenAPI document</a>. What is wrong is '
        "<code>{&quot;error&quot;: ...}</code> in one line, with status 400, 404, or 503; "
        "401 says that the token is wrong.</p>"
        f"{''.join(parts)}</main></body></html>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", "text"))
    return "several texts" if kind == "array" else {"string": "text"}.get(kind, kind)
