"""The read side: `keys` signs, `landing` shows what was scanned, `desk` a store's codes and calls, `traffic` counts."""
