"""The page on which measured spectra are dropped: what is on it."""

from dash import dcc, html
from dash.development.base_component import Component

from exafscn_flows.web.parts import aria, code, field, graph, remark
from exafscn_flows.web.uploads import MOST_BYTES, MOST_FILES, MOST_TOGETHER

NUMBERS: dict[str, tuple[str, str | float, str]] = {
    "e0": ("E0 (eV)", "any", "where k = 0"),
    "rbkg": ("rbkg (Å)", 0.1, "below it all is background"),
    "kmin": ("kmin (1/Å)", "any", "start of chi(k)"),
    "kmax": ("kmax (1/Å)", "any", "end of chi(k)"),
}
"""Controls that take a number: label, step, and what it means. They show what was found."""

TEXTS = {
    "absorber": ("Absorber", "such as Fe, where the file does not state it"),
    "elements": ("Elements of the sample", "such as Fe,O"),
    "columns": ("Columns", "such as energy=1,i0=2,it=3"),
    "campaign": ("Campaign whose models answer", "by default the model of the package"),
}
"""Controls that take a text."""

_INVITATION = [
    html.Strong("Drop measured spectra here, or choose files. "),
    html.Span(
        "XDI, columns of text, Athena projects, NXxas, Larix sessions, FEFF's output; at most "
        f"{MOST_FILES} files of {MOST_BYTES // 10**6} MB, {MOST_TOGETHER // 10**6} MB together. "
        "They stay on this machine, and are not kept."
    ),
]

CONTROLS = (*NUMBERS, *TEXTS, "mode")
"""All controls, in the order in which callbacks have their values."""

FIGURES = {
    "mu": "μ(E) and its normalisation",
    "chi": "k²χ(k)",
    "distance": "|χ(R)|",
    "probability": "Probabilities",
}


def spectrum_layout() -> Component:
    """Return the page."""
    return html.Div(
        [
            html.H1("Drop a spectrum"),
            # The label opens the dialogue, and tells screen readers what it is for.
            html.Label(
                dcc.Upload(
                    html.Div(_INVITATION),
                    id="drop",
                    multiple=True,
                    disable_click=True,
                    className="drop",
                    className_active="drop over",
                )
            ),
            html.Div(id="drop-said", **aria(live="polite")),
            # Who comes back from another page finds them: the tab of the browser keeps names.
            dcc.Store(id="dropped", data=[], storage_type="session"),
            dcc.Store(id="chosen", storage_type="session"),
            dcc.Store(id="wishes", data={}, storage_type="session"),
            dcc.Store(id="shown", data={}),
            html.Div(id="answers"),
            html.Div(_detail(), id="detail", hidden=True),
        ]
    )


def _detail() -> list[Component]:
    return [
        html.Div(id="verdict", className="verdict", **aria(live="polite")),
        html.Div(id="redo-said"),
        html.Div(
            [graph(f"figure-{name}", title) for name, title in FIGURES.items()], className="grid"
        ),
        html.Div(id="warnings"),
        html.H2("Do it otherwise"),
        html.Div([*_numbers(), *_texts(), _mode()], className="fields"),
        remark(
            "E0, kmin and kmax are found by themselves until you change them; empty them to have "
            "them found again."
        ),
        html.H2("Nearest known sites"),
        html.Div(
            [
                field(
                    "Of the campaign",
                    dcc.Input(id="known-campaign", type="text", value="", debounce=True),
                    "its computed spectra of this absorber; they are drawn over |χ(R)|",
                ),
            ],
            className="fields",
        ),
        html.Div(id="known"),
        html.H2("Take it along"),
        html.Div(
            [
                html.Button("All answers, CSV", id="get-csv"),
                html.Button("All answers, JSON", id="get-json"),
                html.Button("Figures, PDF", id="get-pdf"),
                dcc.Download(id="download"),
            ],
            className="buttons",
        ),
        html.Div(
            [code("as-command", "command line"), code("as-python", "Python")], className="grid"
        ),
    ]


def _numbers() -> list[Component]:
    return [
        field(
            label,
            # Until nothing was typed for a while: half a number is none.
            dcc.Input(id=f"give-{name}", type="number", step=step, debounce=0.25),
            help,
        )
        for name, (label, step, help) in NUMBERS.items()
    ]


def _texts() -> list[Component]:
    return [
        field(label, dcc.Input(id=f"give-{name}", type="text", value="", debounce=True), help)
        for name, (label, help) in TEXTS.items()
    ]


def _mode() -> Component:
    modes = ["transmission", "fluorescence", "mu"]
    control = dcc.Input(id="give-mode", type="text", value="", debounce=True, list="modes")
    listed = html.Datalist([html.Option(value=one) for one in modes], id="modes")
    named = field("How it was measured", control, ", ".join(modes[:2]) + " or mu")
    return html.Div([named, listed])
