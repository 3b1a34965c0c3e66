"""How Sphinx builds the site: `make docs` writes it to build/docs, without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # it would say that it finds no TPU
os.environ.setdefault("KERAS_BACKEND", "torch")  # TensorFlow is not needed for its pages

import actlab

project = "actlab"
version = release = actlab.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "extensions.mathematics",
    "extensions.generated",
    "extensions.accessible",
    "extensions.examples",
]
exclude_patterns = ["generated/*.inc.md"]

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "none"  # the signature and the docstring's Args say them
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"  # docstrings mark code by single backquotes
add_module_names = False
toc_object_entries = False

html_theme = "furo"
html_title = f"actlab {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5fa5",
        "color-brand-content": "#0b5fa5",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc0f5",
        "color-brand-content": "#7cc0f5",
    },
}
