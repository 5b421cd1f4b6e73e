"""优惠券: campaigns as imported. Claiming and the wallet come with their own capability; here is only the offer."""
