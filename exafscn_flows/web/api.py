"""The read-only REST interface: the same conditions, rows and page tokens as everywhere."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request, send_file
from werkzeug.exceptions import HTTPException

from exafscn_flows.errors import ExafscnError, UsageError
from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.store.asked import asked
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.everywhere import search_everywhere
from exafscn_flows.store.export import write_rows
from exafscn_flows.store.queries import (
    count_found,
    count_predictions,
    find_page,
    find_predictions,
)
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import current_metrics
from exafscn_flows.web.database import Database
from exafscn_flows.web.openapi import (
    ExportParameters,
    FileParameters,
    NoParameters,
    PageParameters,
    SiteParameters,
    document,
    shown,
)
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import sentence_of
from exafscn_flows.web.site import plain, read_site
from exafscn_flows.web.site_files import cif_of, feff_of, xdi_of

Answer = Callable[..., Response]


def register(server: Flask, database: Database) -> None:
    """Let a server answer to programs."""
    api = Blueprint("api", __name__, url_prefix="/api")

    @api.errorhandler(Exception)
    def said(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return _json({"error": error.description}, error.code or 500)
        if isinstance(error, UsageError):
            missing = str(error).startswith("no campaign ") or " has no site " in str(error)
            return _json({"error": str(error)}, 404 if missing else 400)
        return _json({"error": sentence_of(error)}, 503 if isinstance(error, ExafscnError) else 500)

    @api.get("/")
    def page() -> Response:
        return Response(shown(), content_type="text/html; charset=utf-8")

    @api.get("/openapi.json")
    def description() -> Response:
        return _json(document())

    @api.get("/predictions")
    def predictions_of_all() -> Response:
        given = PredictionParameters.of(request.args)
        with database.reading() as store:
            search = search_everywhere(store, given.conditions(), given.sort, given.after)
            found = search.page(store, given.limit)
        return _json({"rows": found.rows, "after": found.after, "target": found.target.name})

    @api.get("/count")
    def count_of_all() -> Response:
        given = PredictionParameters.of(request.args)
        with database.reading() as store:
            search = search_everywhere(store, given.conditions(), given.sort, given.after)
            return _json({"count": count_found(store, search.searches.values())})

    @api.get("/campaigns")
    def campaigns() -> Response:
        NoParameters.of(request.args)
        with database.reading() as store:
            return _json({"campaigns": store.campaign_names()})

    @api.get("/campaigns/<campaign>")
    def campaign(campaign: str) -> Response:
        NoParameters.of(request.args)
        with database.reading() as store:
            return _json(_settings(store, campaign))

    @api.get("/campaigns/<campaign>/status")
    def status(campaign: str) -> Response:
        NoParameters.of(request.args)
        with database.reading() as store:
            return _json(campaign_status(store, campaign).as_dict())

    @api.get("/campaigns/<campaign>/predictions")
    def predictions(campaign: str) -> Response:
        given = PredictionParameters.of(request.args)
        with database.reading() as store:
            found = find_page(
                store, given.query(campaign), given.sort, after=given.after, limit=given.limit
            )
        return _json({"rows": found.rows, "after": found.after, "target": found.target.name})

    @api.get("/campaigns/<campaign>/count")
    def count(campaign: str) -> Response:
        given = PredictionParameters.of(request.args)
        with database.reading() as store:
            query = given.query(campaign)
            return _json({"count": count_predictions(store, query, given.sort, given.after)})

    @api.get("/campaigns/<campaign>/export")
    def export(campaign: str) -> Response:
        given = ExportParameters.of(request.args)
        with database.reading() as store:
            query = given.query(campaign)
            values = asked(store, query).target.values
        # It takes as long as it takes, so nobody is impatient with the database.
        rows = find_predictions(Store(store.database), query, given.sort, after=given.after)
        with tempfile.TemporaryDirectory(prefix="exafscn-") as folder:
            path = Path(folder) / f"predictions.{given.format}"
            write_rows(rows, path, values)
            # Open, it stays until it is sent.
            return send_file(
                path.open("rb"),
                as_attachment=True,
                download_name=path.name,
                mimetype="application/octet-stream",
            )

    @api.get("/campaigns/<campaign>/metrics")
    def metrics(campaign: str) -> Response:
        NoParameters.of(request.args)
        with database.reading() as store:
            store.campaign(campaign)
            return _json({"metrics": [plain(one) for one in current_metrics(store, campaign)]})

    @api.get("/campaigns/<campaign>/failures")
    def failures(campaign: str) -> Response:
        given = PageParameters.of(request.args)
        with database.reading() as store:
            store.campaign(campaign)
            query: dict[str, Any] = {"campaign": campaign}
            if given.after is not None:
                query["_id"] = {"$gt": f"{campaign}/{given.after}"}
            found = [*store.find(FailureDoc, query, sort=[("_id", 1)], limit=given.limit)]
        after = found[-1].key if len(found) == given.limit else None
        return _json({"failures": [plain(one) for one in found], "after": after})

    @api.get("/campaigns/<campaign>/site")
    def site(campaign: str) -> Response:
        given = SiteParameters.of(request.args)
        with database.reading() as store:
            return _json(read_site(store, campaign, given.site).to_dict())

    @api.get("/campaigns/<campaign>/site/file")
    def site_file(campaign: str) -> Response:
        given = FileParameters.of(request.args)
        with database.reading() as store:
            view = read_site(store, campaign, given.site)
            config = store.config(campaign)
        text = {
            "cif": lambda: cif_of(view),
            "feff": lambda: feff_of(view, config, given.spectrum),
            "xdi": lambda: xdi_of(view, given.spectrum),
        }[given.format]()
        name = {"cif": "structure.cif", "feff": "feff.inp", "xdi": "spectrum.xdi"}[given.format]
        response = Response(text, content_type="text/plain; charset=utf-8")
        response.headers["Content-Disposition"] = f"attachment; filename={name}"
        return response

    @api.get("/campaigns/<campaign>/report")
    def report(campaign: str) -> Response:
        NoParameters.of(request.args)
        from exafscn_flows.jobs.report import collect_report
        from exafscn_flows.report.html import render

        with database.reading() as store:
            store.campaign(campaign)
        data = collect_report(Store(store.database), campaign)
        return Response(render(data), content_type="text/html; charset=utf-8")

    server.register_blueprint(api)


def _settings(store: Store, campaign: str) -> dict[str, Any]:
    config = store.config(campaign)
    targets = [
        {"name": one.name, "kind": one.kind, "task": one.task, "unit": one.unit}
        for one in config.targets
    ]
    return {
        "campaign": campaign,
        "absorbers": list(config.absorbers),
        "targets": targets,
        "spectra": [one.name for one in config.spectra],
        "feature_sets": [one.name for one in config.features.sets],
        "models": [one.name for one in config.models],
    }


def _json(found: Any, status: int = 200) -> Response:
    text = json.dumps(found, allow_nan=False)
    return Response(text, status, content_type="application/json")
