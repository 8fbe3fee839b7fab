"""A black-box load tester for any MCP server on any URL: it speaks HTTP and imports no server.

`calls` says how a call is made and judged, `connection` and `client` carry it, `schedule` decides
when it is due, `result` counts, `spread` judges the balance, `document` and `report` tell it.
"""
