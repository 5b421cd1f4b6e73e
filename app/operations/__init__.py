"""运维: is the shop well? health, readiness, metrics, flask doctor."""
