"""`mujo <verb>`: one thin file a verb."""
