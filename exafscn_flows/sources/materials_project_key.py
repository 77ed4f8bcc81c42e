"""The API key of the Materials Project, where mp-api itself looks for it."""

import os
import re

from exafscn_flows.errors import UsageError

GET_A_KEY = "get one at https://next-gen.materialsproject.org/api and set it: export MP_API_KEY=..."

# An odd character would be quoted, with the whole key, in an error of the HTTP library.
_KEY = re.compile(r"[!-~]{32}")


def find_key() -> str:
    """Return the API key of MP_API_KEY, or else of pymatgen's setting PMG_MAPI_KEY.

    Raises
    ------
    UsageError
        If there is none, or it cannot be a key.
    """
    from pymatgen.core import SETTINGS

    key = os.environ.get("MP_API_KEY") or SETTINGS.get("PMG_MAPI_KEY")
    if not key:
        raise UsageError(f"the Materials Project asks for a free API key: {GET_A_KEY}")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        where = "MP_API_KEY" if os.environ.get("MP_API_KEY") else "pymatgen's PMG_MAPI_KEY"
        length = len(str(key))
        found = f"{length} characters" if length != 32 else "blanks or odd characters"
        message = f"{where} holds {found}; a key of the Materials Project has 32 letters and digits"
        raise UsageError(f"{message}; {GET_A_KEY}")
    return key
