"""后台: the back office's shell: operators, login with a second factor, navigation."""
