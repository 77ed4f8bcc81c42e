import numpy as np
import pytest

from exafscn_flows.evaluation.label_study import (
    Agreement,
    CertaintyBin,
    agreements,
    by_certainty,
)


def test_agreement_counts_the_sites_where_the_rival_gives_a_number():
    cn = np.array([4, 6, 6, 8, 12])
    rivals = {
        "same": np.array([4.0, 6, 6, 8, 12]),
        "more": np.array([4.0, 6, 8, 14, np.nan]),
        "none": np.full(5, np.nan),
    }
    assert agreements(cn, rivals) == [
        Agreement("same", n_sites=5, agree=1.0, mean_difference=0.0),
        Agreement("more", n_sites=4, agree=0.5, mean_difference=2.0),
    ]


def test_differences_cancel_in_the_mean_but_not_in_the_agreement():
    (one,) = agreements(np.array([6, 6]), {"rival": np.array([4.0, 8.0])})
    assert (one.agree, one.mean_difference) == (0.0, 0.0)


def test_mean_cn_between_two_numbers_agrees_with_neither():
    (one,) = agreements(np.array([6, 6]), {"rival": np.array([5.3333, 6.0])})
    assert one.agree == 0.5
    assert one.mean_difference == pytest.approx(-1 / 3, abs=1e-4)


def test_no_sites_and_no_rivals_have_no_agreement():
    assert agreements(np.array([4]), {}) == []
    assert agreements(np.empty(0), {"rival": np.empty(0)}) == []


def test_bins_include_their_lower_edge_and_the_last_its_upper():
    weight = np.array([0.0, 0.4999, 0.5, 0.7, 0.9, 0.9899, 0.99, 1.0])
    right = np.array([True, False, True, False, True, True, True, True])
    assert by_certainty(weight, right) == [
        CertaintyBin(0.0, 0.5, 2, 0.5),
        CertaintyBin(0.5, 0.7, 1, 1.0),
        CertaintyBin(0.7, 0.9, 1, 0.0),
        CertaintyBin(0.9, 0.99, 2, 1.0),
        CertaintyBin(0.99, 1.0, 2, 1.0),
    ]


def test_empty_bins_have_no_accuracy():
    bins = by_certainty(np.array([0.6]), np.array([False]))
    assert [(b.n_sites, b.accuracy) for b in bins] == [(0, None), (1, 0.0), *[(0, None)] * 3]
    assert sum(b.n_sites for b in by_certainty(np.empty(0), np.empty(0, bool))) == 0
