"""The report page: offline, well-formed, honest about what is missing, safe with any text."""

import base64
import io
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from lxml import etree, html

from exafscn_flows.report import figures, label_figures, quality_figures, study_figures
from exafscn_flows.report.data import FailureGroup, Skipped
from exafscn_flows.report.html import render
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.summary import to_json

FIGURES = (
    (figures, ("importance", "mean_vectors", "overview")),
    (label_figures, ("certainty",)),
    (quality_figures, ("calibration", "parity")),
    (study_figures, ("comparison", "curves", "importance")),
)
DRAWN: dict[bytes, str] = {}
"""Figures by what they show."""

CN = "coordination_number"
VOID = {"meta", "img", "br"}
ENVELOPE = {"kind": "envelope", "name": "envelope", "n": 9}
EVIL = "<script>alert('Cu')</script>"


@pytest.fixture(scope="module", autouse=True)
def _drawn_once() -> Iterator[None]:
    """Have a figure drawn once of the same data: most pages differ in their text alone."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in FIGURES:
            for name in names:
                patch.setattr(module, name, remembered(getattr(module, name)))
        yield


class Timeless(pickle.Pickler):
    """Leaves out when documents were written, which no figure shows."""

    def reducer_override(self, value: object) -> Any:
        return (str, ()) if isinstance(value, datetime) else NotImplemented


def remembered(draw: Callable[..., str]) -> Callable[..., str]:
    def once(*data: Any) -> str:
        shown = io.BytesIO()
        Timeless(shown).dump((draw.__module__, draw.__name__, data))
        key = shown.getvalue()
        if key not in DRAWN:
            DRAWN[key] = draw(*data)
        return DRAWN[key]

    return once


class Balance(HTMLParser):
    """Check that every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def check_page(text: str) -> html.HtmlElement:
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    page = html.fromstring(text)
    ids = page.xpath("//@id")
    assert len(set(ids)) == len(ids)
    for address in page.xpath("//@href"):
        assert address[0] == "#"
        assert address[1:] in ids
    for address in page.xpath("//@src"):
        assert address.startswith("data:image/")
    assert "url(" not in text
    assert "@import" not in text
    assert not page.xpath("//script | //link | //iframe")
    assert all(page.xpath("//img/@alt")), "a figure without a text"
    return page


def test_page_is_well_formed_and_needs_no_network(campaign):
    page = check_page(render(campaign()))
    assert len(page.xpath("//img")) == 2 + 2 * 4
    assert page.xpath("count(//h1)") == 1


def test_figures_are_svg_without_scripts_or_references(campaign):
    for address in html.fromstring(render(campaign())).xpath("//img/@src"):
        svg = etree.fromstring(base64.b64decode(address.split(",")[1]))
        assert svg.tag == "{http://www.w3.org/2000/svg}svg"
        links = svg.xpath("//@xlink:href", namespaces={"xlink": "http://www.w3.org/1999/xlink"})
        assert all(link.startswith("#") for link in links)


def test_text_from_structures_and_messages_is_never_markup(campaign):
    site = {"target": CN, "site": EVIL, "formula": EVIL, "feature_set": EVIL}
    data = campaign(
        disagreements=[{**site, "label": EVIL, "value": 6, "probability": 0.9}],
        failures=[FailureGroup(EVIL, EVIL, 1, EVIL, EVIL, EVIL)],
        skipped=[Skipped(CN, EVIL, EVIL, EVIL, EVIL)],
        settings_yaml=EVIL,
        versions={EVIL: EVIL},
        timings={EVIL: 1},
    )
    text = render(data)
    page = check_page(text)
    assert "<script" not in text
    assert EVIL in page.xpath("string(//*[@id='disagreements'])")
    assert EVIL in page.xpath("string(//*[@id='failures'])")


def test_dollar_signs_in_a_feature_set_are_not_read_as_a_formula(campaign, model):
    check_page(render(campaign(models=[model(feature_set="$\\frac{$ & <b>")])))


def test_a_model_without_importances_has_a_remark_instead_of_the_figure(campaign, model):
    reports = [model("Cu", "r_mu"), model("Cu", "r_mu", model="mlp")]
    reports[1].model_doc.importances = None
    page = check_page(render(campaign(models=reports)))
    forest, mlp = page.xpath("//section[@class='series']")
    assert len(forest.xpath(".//img")) == 2
    assert len(mlp.xpath(".//img")) == 1
    assert "No importance" in mlp.text_content()
    assert "No importance" not in forest.text_content()


def test_accuracy_table_shows_the_numbers_of_the_json(campaign):
    data = campaign()
    rows = html.fromstring(render(data)).xpath("//*[@id='accuracy']//tbody/tr")
    models = to_json(data)["targets"][CN]["models"]
    assert len(rows) == len(models) == 4
    for row, numbers in zip(rows, models, strict=True):
        cells = [
            [float(n) for n in re.findall(r"[\d.]+", cell)]
            for cell in (td.text_content().replace("\u202f", "") for td in row.xpath("td")[1:])
        ]
        grouped = numbers["grouped"]
        assert cells[:2] == [[numbers["n_sites"]], [numbers["n_formulas"]]]
        fractions = [
            [grouped["majority"]],
            [grouped["accuracy"], grouped["accuracy_std"]],
            [grouped["balanced_accuracy"]],
            [grouped["macro_f1"]],
            [grouped["certain_accuracy"]],
            [grouped["ece"]],
            [numbers["random"]["accuracy"]],
        ]
        for shown, expected in zip(cells[2:9], fractions, strict=True):
            assert shown == pytest.approx([100 * x for x in expected], abs=0.05 + 1e-9)
        pairs = zip(numbers["classes"], numbers["class_counts"], strict=True)
        assert cells[9] == [n for pair in pairs for n in pair]


def test_confusion_has_every_count_coloured_by_its_share_of_the_row(campaign, model):
    report = model("Cu")
    report.metrics.splits["grouped"]["confusion"] = [[9, 1], [0, 1000]]
    (table,) = html.fromstring(render(campaign(models=[report]))).xpath("//*[@class='confusion']")
    assert [cell.text_content() for cell in table.xpath(".//thead//th")] == ["Label", "4", "6"]
    cells = [
        [(cell.text or "", cell.get("style"), "dark" in cell.get("class")) for cell in row]
        for row in (row.xpath("td") for row in table.xpath(".//tbody/tr"))
    ]
    share = "--share: {:.3f}".format
    assert cells == [
        [("9", share(0.9), True), ("1", share(0.1), False)],
        [("", share(0), False), ("1000", share(1), True)],
    ]


def test_best_feature_set_is_marked_per_absorber(campaign):
    page = html.fromstring(render(campaign()))
    bodies = page.xpath("//*[@id='accuracy']//tbody")
    marked = [
        (body.xpath("string(.//th)").strip(), row.xpath("string(td[1])"))
        for body in bodies
        for row in body.xpath("tr[.//*[@class='mark']]")
    ]
    assert marked == [("Cu", "r_chi"), ("Fe", "r_mu")]


def test_absorbers_keep_the_order_of_the_campaign(campaign, model):
    page = html.fromstring(render(campaign(models=[model("Zn"), model("Co"), model("Ti")])))
    assert page.xpath("//section[@class='absorber']/@id") == [
        "absorber-Zn",
        "absorber-Co",
        "absorber-Ti",
    ]


def test_headline_says_sites_accuracy_and_baseline(campaign, model):
    text = render(campaign(models=[model("Cu", counts={4: 1200, 6: 800}, skill=0.9)]))
    headline = html.fromstring(text).xpath("string(//h1)")
    assert "2\u202f000 sites of 1 absorber," in headline
    assert "90.0 % accuracy" in headline
    assert "60.0 %" in headline


def test_campaign_without_models_says_so_and_why(campaign):
    data = campaign(models=[], disagreements=[], failures=[], timings={})
    page = check_page(render(data))
    assert page.xpath("string(//h1)") == "No model has been fitted."
    assert not page.xpath("//img")
    assert "7 sites; at least 20 are needed" in page.xpath("string(//*[@id='failures'])")


def test_models_that_failed_are_named_once_for_each_reason(campaign):
    skipped = [
        *(Skipped(CN, "Cu", name, "bagging", "it is too late") for name in ("r_mu", "r_chi")),
        Skipped(CN, "Cu", "r_mu", "mlp", "the loss is not finite"),
    ]
    section = check_page(render(campaign(skipped=skipped))).xpath("//*[@id='failures']")[0]
    assert section.xpath("string(h3)") == "Models that could not be fitted"
    assert [" ".join(item.text_content().split()) for item in section.xpath("ul/li")] == [
        "Cu, bagging on r_mu; bagging on r_chi: it is too late",
        "Cu, mlp on r_mu: the loss is not finite",
    ]


def test_campaign_without_failures_says_so(campaign):
    page = check_page(render(campaign(failures=[], skipped=[])))
    section = page.xpath("//*[@id='failures']")[0]
    assert "Nothing failed." in section.text_content()
    assert not section.xpath(".//table")


@pytest.fixture(scope="module")
def study_page(study):
    """Page and numbers of a study of two elements."""
    data = study(["Ti", "Zn"])
    return check_page(render(data)), to_json(data)["targets"][CN]


def test_study_has_every_part(study_page):
    page, _ = study_page
    parts = ["findings", "elements", "published", "feature-sets", "interpretation", "labels"]
    for name in [*parts, "cards"]:
        assert page.xpath(f"//section[@id='{name}']"), name
        assert page.xpath(f"//nav/a[@href='#{name}']"), name


def test_ordinary_campaign_has_none_of_it(campaign):
    page = check_page(render(campaign()))
    assert page.xpath("//section/@id") == [
        "accuracy",
        "figures",
        "absorber-Cu",
        "absorber-Fe",
        "disagreements",
        "failures",
        "stages",
        "settings",
    ]
    assert not page.xpath("//details")


def test_claims_say_yes_or_no_with_their_rule(study_page):
    page, numbers = study_page
    rows = page.xpath("//*[@id='findings']//tbody/tr")
    assert len(rows) == len(numbers["claims"]) == 4
    for row, claim in zip(rows, numbers["claims"], strict=True):
        assert row.xpath("string(td[2])").strip() == ("yes" if claim["holds"] else "no")
        assert claim["rule"] in row.text_content()


def test_published_figures_stand_beside_those_of_the_json(study_page):
    page, numbers = study_page
    rows = [
        [cell.text_content() for cell in row.xpath("th | td")]
        for row in page.xpath("//*[@id='published']//tbody/tr")
    ]
    own = numbers["published"]
    assert rows[0][:2] == ["Ti", f"{own['random']['Ti']:.2f}"]
    assert rows[0][3:5] == ["–", f"{own['grouped']['Ti']:.2f}"]
    assert rows[-1] == [
        "Mean",
        f"{own['random_average']:.2f}",
        "",
        "about 70",
        f"{own['grouped_average']:.2f}",
        "",
    ]


def test_study_draws_the_models_that_it_looks_into_and_the_best(study, model):
    data = study(["Ti", "Zn"])
    best = model("Ti", "wavelet_chi", {4: 60, 6: 60}, 1.0, "gradient_boosting")
    page = check_page(render(study(["Ti", "Zn"], models=[*data.models, best])))
    drawn = page.xpath("//section[@id='absorber-Ti']//h4/text()")
    assert [title.strip() for title in drawn] == [
        "r_space, random_forest",
        "r_space, bagging",
        "r_space, mlp",
        "r_space, extra_trees",
        "wavelet_chi, gradient_boosting",
    ]
    assert len(page.xpath("//*[@id='accuracy']//tbody/tr")) == len(data.models) + 1


def test_study_of_one_target_hides_no_models_of_others(three, numbers_model, study):
    data = three()
    worse = numbers_model("Cu", "r_chi", 0.09)
    provenance = study(["Ti"]).provenance
    provenance.targets[:] = [{"name": target.name} for target in data.targets]
    provenance.feature_sets["r_mu"] = provenance.feature_sets["r_chi"] = ENVELOPE
    looked = StudyData(CN, "r_mu", [])
    page = check_page(
        render(three(models=[*data.models, worse], provenance=provenance, study=looked))
    )
    drawn = {
        name: page.xpath(f"//section[@id='{name}.absorber-Cu']//*[@class='model']/text()")
        for name in (CN, "bond_length")
    }
    # The models on the other set are no worse, but the first of equals is the best.
    assert [title.strip() for title in drawn[CN]] == ["r_mu"]
    assert [title.strip() for title in drawn["bond_length"]] == [
        "r_mu, forest",
        "r_mu, joint",
        "r_chi, forest",
    ]


def test_study_on_a_feature_set_of_a_package_is_shown(study, model):
    data = study(["Ti"], models=[model("Ti", "envelope")], labels=[])
    data.provenance.feature_sets["envelope"] = ENVELOPE
    page = check_page(render(replace(data, study=StudyData(CN, "envelope", []))))
    (card,) = page.xpath("//*[@id='cards']/details")
    assert "kind\xa0envelope, name\xa0envelope, n\xa09" in card.text_content()
    assert "do not cover" not in card.text_content()


def test_study_of_one_element_with_one_model_has_no_means(study, model):
    data = study(
        models=[model("Zn", "r_space")],
        study=StudyData(CN, "r_space", [], "exafs_coordination"),
        labels=[],
    )
    page = check_page(render(data))
    assert not page.xpath("//tbody[@class='mean']/tr/th[text()='All sites']")
    assert len(page.xpath("//tbody[@class='mean']")) == 1  # the published average


def test_held_out_chemical_systems_are_shown_without_a_study(campaign, model):
    page = check_page(render(campaign(models=[model("Cu", systems=0.25), model("Fe")])))
    heads = [th.text_content() for th in page.xpath("//*[@id='accuracy']//thead//th")]
    column = heads.index("Accuracy, chemical system, %")
    cells = [
        row.xpath("(th | td)")[column].text_content()
        for row in page.xpath("//*[@id='accuracy']//tbody/tr")
    ]
    assert cells == ["25.0", "–"]


def test_text_of_a_study_is_never_markup(study, model):
    evil = model("Zn", EVIL, {4: 60, 6: 60}, 0.8, EVIL)
    data = study(models=[evil], study=StudyData(CN, EVIL, [], "exafs_coordination"), labels=[])
    data.provenance.feature_sets[EVIL] = data.provenance.feature_sets["r_space"] | {"name": EVIL}
    data.provenance.spectra[0][EVIL] = [EVIL]
    text = render(data)
    check_page(text)
    assert "<script" not in text


def test_same_data_gives_the_same_page(campaign):
    page = render(campaign())
    DRAWN.clear()
    assert render(campaign()) == page


@pytest.fixture(scope="module")
def three_page(three):
    """Page and numbers of a campaign of three targets."""
    data = three()
    return check_page(render(data)), to_json(data)["targets"]


def test_every_target_has_a_section_and_a_line_of_links(three_page):
    page, numbers = three_page
    for name, target in numbers.items():
        (section,) = page.xpath(f"//section[@class='target'][h2/@id='{name}.target']")
        assert section.xpath("string(h2)").lower() == target["title"]
        assert section.xpath(f".//section[@id='{name}.absorber-Cu']")
        assert page.xpath(f"//nav/div[a/@href='#{name}.target']/a[@href='#{name}.disagreements']")
    assert page.xpath("count(//h1)") == 1
    assert page.xpath("//nav/div[last()]/a/text()") == ["Failures", "Stages", "Settings"]


def test_targets_are_set_side_by_side_each_in_its_own_measure(three_page):
    page, numbers = three_page
    rows = [" ".join(row.text_content().split()) for row in page.xpath("//header//tbody/tr")]
    assert len(rows) == 3
    assert "accuracy 80.0 %" in rows[0]
    best = numbers["bond_length"]["headline"]
    assert best["series"] == "r_mu, joint"
    assert f"RMSE {best['score']:.3g} Å" in rows[2]
    assert f"always the mean: {best['baseline']:.3g} Å" in rows[2]


def test_errors_have_units_and_stand_beside_always_the_mean(three_page):
    page, numbers = three_page
    (table,) = page.xpath("//*[@id='bond_length.accuracy']//table")
    heads = [th.text_content() for th in table.xpath(".//thead//th")]
    assert heads[4:] == [
        "Always the mean: RMSE, Å",
        "RMSE, grouped, Å",
        "RMSE, of the mean, %",
        "Always the mean: MAE, Å",
        "MAE, Å",
        "R²",
        "RMSE, random, Å",
    ]
    cells = [td.text_content().strip() for td in table.xpath(".//tbody[1]/tr[1]/td")]
    grouped = numbers["bond_length"]["models"][0]["grouped"]
    assert cells[3:] == [
        f"{grouped['mean_rmse']:.3g}",
        f"{grouped['rmse']:.4f} ± {grouped['rmse_std']:.4f}",
        f"{100 * grouped['relative_rmse']:.1f}",
        f"{grouped['mean_mae']:.3g}",
        f"{grouped['mae']:.3g}",
        f"{grouped['r2']:.2f}",
        f"{numbers['bond_length']['models'][0]['random']['rmse']:.3g}",
    ]


def test_best_model_of_a_number_has_the_smallest_error(three_page):
    page, _ = three_page
    marked = page.xpath("//*[@id='bond_length.accuracy']//tbody/tr[.//*[@class='mark']]")
    assert [row.xpath("string(td[1])").split()[1] for row in marked] == ["joint", "joint"]


def test_joint_models_are_named_as_such(three_page):
    page, _ = three_page
    titles = [one.text_content() for one in page.xpath("//*[@class='model']")]
    assert [("fitted on Cu, Fe together" in title) for title in titles] == [
        "joint" in title for title in titles
    ]
    assert "sites of Cu, Fe together" in page.xpath("string(//*[@id='bond_length.accuracy']//dl)")
    assert "together" not in page.xpath("string(//*[@id='environment.accuracy']//dl)")


def test_confusion_names_the_classes(three_page):
    page, _ = three_page
    tables = page.xpath("//*[@id='environment.figures']//table")
    heads = [th.text_content() for th in tables[0].xpath(".//thead//th")]
    assert heads == ["Label", "octahedron", "square planar", "square pyramid", "tetrahedron"]
    assert [th.text for th in tables[0].xpath(".//tbody//th")] == heads[1:]
    assert "names" in tables[0].get("class")
    assert not page.xpath("//*[@id='bond_length.figures']//table")


def test_disagreements_say_how_sure_the_prediction_was(three_page):
    page, numbers = three_page
    shown = {
        name: [td.text_content() for td in page.xpath(f"//*[@id='{name}.disagreements']//td")][3:]
        for name in numbers
    }
    assert shown == {
        "coordination_number": ["2", "4", "93.0 %"],
        "environment": ["square pyramid", "octahedron", "81.0 %"],
        "bond_length": ["1.848 Å", "2.103 Å", "± 0.031 Å"],
    }


def test_target_without_models_says_so(three):
    data = three()
    left = [one for one in data.models if one.target != "environment"]
    page = check_page(render(three(models=left)))
    section = page.xpath("//section[@class='target'][h2/@id='environment.target']")[0]
    assert "No model has been fitted." in section.text_content()
    assert not section.xpath(".//img")
    assert "no model" in page.xpath("string(//header//tbody/tr[2])")


def test_page_of_one_number_begins_with_its_error_beside_always_the_mean(three):
    data = three()
    own = [one for one in data.models if one.target == "bond_length" and one.model == "forest"]
    page = check_page(render(three(targets=data.targets[2:], models=own, disagreements=[])))
    splits = [one.metrics.splits["grouped"] for one in own]
    rmse, always = (sum(one[key] for one in splits) / 2 for key in ("rmse", "mean_rmse"))
    assert page.xpath("string(//h1)") == (
        "From the spectra of 400 sites of 2 absorbers, the mean bond length is predicted with "
        f"an RMSE of {rmse:.4f} Å; always guessing the mean gives {always:.3f} Å."
    )
    assert page.xpath("//section[@id='accuracy']")
    text = page.xpath("string(//*[@id='disagreements'])")
    assert "No label is off by more than three times the expected error." in text


def test_every_figure_has_a_title_and_letters_of_one_size(study):
    page = html.fromstring(render(study(["Ti", "Zn"])))
    found = page.findall(".//figure")
    assert len(found) > 8
    widths = set()
    for figure in found:
        (title,) = figure.findall("figcaption/b")
        assert title.text_content().strip()
        for image in figure.findall(".//img"):
            assert "style" not in image.attrib
            svg = etree.fromstring(base64.b64decode(image.get("src").partition(",")[2]))
            widths.add(svg.get("width"))
    # A panel among others, or all of the page.
    assert widths == {"316.8pt", "684pt"}
    css = page.find(".//style").text
    assert "figure img { display: block; max-width: 100%; height: auto;" in css
