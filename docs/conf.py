"""Settings of Sphinx, which makes a site of these pages: `make docs`."""

from importlib.metadata import version as installed

project = "exafscn"
author = "the exafscn developers"
version = release = installed("exafscn")
copyright = author

extensions = ["myst_nb"]
exclude_patterns = ["readme_picture.py", "_build"]
# Whether they run is for the tests to say: they need a database.
nb_execution_mode = "off"
myst_heading_anchors = 4
nitpicky = True

html_theme = "pydata_sphinx_theme"
html_title = "exafscn"
html_show_sourcelink = False
html_sidebars = {"**": ["globaltoc.html"]}
html_theme_options = {
    "navbar_center": [],
    "navigation_with_keys": False,
    "show_toc_level": 2,
}
