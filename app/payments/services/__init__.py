"""What is done to payments: `attempts` begins, `settlement` believes money, `refunds` gives back, `follow_up` asks."""
