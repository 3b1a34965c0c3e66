"""What the site needs beyond Sphinx: mathematics without scripts, and pages from the package."""
