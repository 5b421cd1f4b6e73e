"""运维: is the shop well? Readiness for a load balancer, numbers for Prometheus, `flask doctor` for people."""
