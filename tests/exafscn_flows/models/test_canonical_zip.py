"""Arrays as bytes and back."""

import numpy as np
import pytest

from exafscn_flows.models.canonical_zip import read_array, write_array

ROWS = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("array", [ROWS, ROWS.T, ROWS[:, ::2], np.array(3.0), np.empty((0, 2))])
def test_an_array_is_the_same_again_in_whatever_order_it_lies_in_memory(array):
    found = read_array(write_array(array))
    np.testing.assert_array_equal(found, array)
    assert found.shape == array.shape
    assert write_array(array) == write_array(array.copy(order="C"))
