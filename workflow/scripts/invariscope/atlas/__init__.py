"""The atlas: a page that shows every unit of a study, to browse and to link to."""
