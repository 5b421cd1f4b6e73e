"""The write side: `codes` made, reassigned and retired; `calls` asked for and answered; `scenes` of WeChat."""
