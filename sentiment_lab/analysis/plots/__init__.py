"""Charts of single runs, of variants and of comparisons."""

from sentiment_lab.base.matplotlib_import import import_matplotlib

import_matplotlib()
