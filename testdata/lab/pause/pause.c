/* pause holds a pod's namespaces: it waits, and buries the pod's orphans. With -v it says
   what it is and ends, which kubeadm asks of it before an upgrade. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
	struct sigaction leaving = {.sa_handler = leave};
	struct sigaction burying = {.sa_handler = bury, .sa_flags = SA_NOCLDSTOP};

	if (argc > 1 && !strcmp(argv[1], "-v"))
		return puts("pause of the lab") < 0;
	if (sigaction(SIGINT, &leaving, NULL) || sigaction(SIGTERM, &leaving, NULL) ||
	    sigaction(SIGCHLD, &burying, NULL))
		return 1;
	for (;;)
		pause();
}
