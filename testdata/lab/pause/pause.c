/* pause holds a pod's namespaces: it waits, and buries the pod's orphans. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

static void bury(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	struct sigaction leaving = {.sa_handler = leave};
	struct sigaction burying = {.sa_handler = bury, .sa_flags = SA_NOCLDSTOP};

	if (sigaction(SIGINT, &leaving, NULL) || sigaction(SIGTERM, &leaving, NULL) ||
	    sigaction(SIGCHLD, &burying, NULL))
		return 1;
	for (;;)
		pause();
}
