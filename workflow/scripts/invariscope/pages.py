"""Tables as pages that a browser sorts and searches, with all they need inside."""

import re

import jinja2
from itables import JavascriptFunction, options, to_html_datatable
from itables.javascript import generate_init_offline_itables_html

from .tables import KEYS

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ study }}: {{ name }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; }
h1, h2 { font-size: 1.2rem; }
p { max-width: 48rem; }
table.dataTable { font-size: 0.85rem; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: minmax(8rem, 22rem) 1fr; gap: 0.3rem 1rem;
  max-width: 72rem; font-size: 0.85rem; }
dt { font-weight: 600; overflow-wrap: break-word; }
dd { margin: 0; }
@media (max-width: 40rem) { dl { display: block; } }
</style>
<script>
document.documentElement.classList.toggle(
  "dark", matchMedia("(prefers-color-scheme: dark)").matches);
</script>
</head>
<body>
<main>
<h1>{{ name }}</h1>
<p>{{ about }} Study {{ study }}, {{ rows }} rows; all digits are in tables/{{ name }}.csv.
Click a column's head to sort; a search finds the rows that have all of its words.</p>
{{ table | safe }}
<h2>Columns</h2>
<dl>
{% for columns, meaning in columns.items() %}
<dt>{{ columns }}</dt><dd>{{ meaning }}</dd>
{% endfor %}
</dl>
</main>
{{ program | safe }}
</body>
</html>
"""

# How a browser shows and sorts a number. A missing one counts as the least.
NUMBER = """function (data, type) {
  if (type === "sort" || type === "type") return data;
  if (isNaN(data)) return "";
  return Math.abs(data) < 999.5 ? data.toPrecision(3) : data.toFixed(0);
}"""

# Keys scroll what has the focus.
FOCUS = """function () {
  this.api().table().container().querySelector(".dt-scroll-body").tabIndex = 0;
}"""


def meanings(text):
    """A table's caption apart.

    Parameters
    ----------
    text : str
        A sentence, then a field a line (":columns: meaning") in reStructuredText.

    Returns
    -------
    str
        What the table is.
    dict of str to str
        What its columns mean, without markup.
    """
    about, _, fields = text.partition("\n\n")
    plain = re.sub(r"[\\`]", "", fields)
    return " ".join(about.split()), dict(re.findall(r"^:(.+?): (.+)$", plain, re.M))


def page(table, name, study, text):
    """The page of a table.

    Parameters
    ----------
    table : pandas.DataFrame
        As its file is read.
    name, study : str
    text : str
        The table's caption, as `meanings` takes it.

    Returns
    -------
    str
        HTML. Numbers are shown with three digits, and sorted by all they have.
    """
    about, columns = meanings(text)
    texts = table.select_dtypes("object")
    floats = [at for at, kind in enumerate(table.dtypes) if kind.kind == "f"]
    shown = to_html_datatable(
        table.assign(**texts.fillna("")),
        table_id=f"table_{name}",
        connected=False,
        showIndex=False,
        display_logo_when_loading=False,
        maxBytes=0,  # no limit
        style="width:auto;margin:0",
        layout=dict(topStart="search", topEnd="pageLength"),
        lengthMenu=[25, 100, dict(label="all", value=-1)],
        scrollX=True,
        fixedColumns=dict(start=len(table.columns.intersection(KEYS))),
        drawCallback=JavascriptFunction(FOCUS),
        text_in_header_can_be_selected=False,  # else a click there does not sort
        columnDefs=[dict(targets=floats, render=JavascriptFunction(NUMBER))],
    )
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True
    )
    return environment.from_string(PAGE).render(
        about=about,
        columns=columns,
        name=name,
        program=generate_init_offline_itables_html(options.dt_bundle),
        rows=len(table),
        study=study,
        table=shown,
    )
