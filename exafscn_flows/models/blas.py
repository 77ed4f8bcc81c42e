"""One thread for numpy's products, so that their last bits do not depend on the machine."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_blas_thread() -> Any:
    """Return a context within which BLAS, which shares its work among threads, has one."""
    return _blas().limit(limits=1)


@cache
def _blas() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
