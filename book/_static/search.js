// Excerpts of what a search finds are fetched from a server; pages read as files do without.
if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
