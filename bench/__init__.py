"""What is measured, side by side with a limit taken in the same run. Never a wall-clock promise: machines are noisy."""
