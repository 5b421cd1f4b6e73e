"""短信: verification codes by text message. Called by members."""
