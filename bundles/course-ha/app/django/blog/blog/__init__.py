# The project.
