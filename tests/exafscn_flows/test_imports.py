"""What is imported, and what is left out until somebody needs it."""

import subprocess
import sys

import pytest

from exafscn_flows.imports import without


def test_hidden_modules_are_found_again() -> None:
    sys.modules.pop("colorsys", None)
    with without("colorsys", "json"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
    assert sys.modules["json"] is not None


def test_models_of_scikit_learn_are_stored_and_loaded_without_torch() -> None:
    """Every process that trains would wait for it."""
    code = (
        "import sys; import exafscn_flows.models.skops_file; assert 'torch' not in sys.modules;"
        "import torch; print(torch.ones(2).sum().item())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2.0"


def test_what_runs_a_campaign_and_spreads_its_work_loads_no_scikit_learn() -> None:
    """Workers have it; everybody who types a command would wait for it."""
    code = """
import sys
import launcher.run, workflows.campaign
import exafscn_flows.jobs.folds, exafscn_flows.jobs.plan, exafscn_flows.jobs.sites
import exafscn_flows.jobs.train, exafscn_flows.evaluation.cross_validation
import exafscn_flows.tasks.classes, exafscn_flows.tasks.numbers, exafscn_flows.splits
print(*sorted({"sklearn", "scipy", "torch"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_looking_at_a_campaign_loads_no_crystals_and_no_engine() -> None:
    code = """
import sys
import launcher.query, launcher.show, launcher.versions
print(*sorted({"pymatgen", "jobflow", "fireworks", "matplotlib", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
