import DaemonKit
import DeploymentFiles

/// What `--help` and `--version` print.
enum HelpText {
    static let version = "start_server (DaemonKit) \(releaseVersion)\n"

    static let help = """
        Usage: start_server [OPTIONS] [--] PROGRAM [ARGUMENT]...
               start_server --restart|--stop|--upgrade|--send-signal=SIGNAL [OPTIONS]
        Binds sockets, starts PROGRAM with them, and replaces it without closing them.

        HUP starts a new worker and then ends the old ones; TERM ends all, and so do INT
        and QUIT, which send TERM to the workers; any of the three, sent again a second
        later, kills what is left. USR1 reopens the log; USR2 upgrades start_server
        itself. Options may be cut short, begin with one dash or two, and take =VALUE or
        the next word. Times are in seconds, with a fraction where wanted.

        Sockets:
          --port=[HOST:][u]PORT[=FD]     listen on a TCP port, or UDP after a 'u', of
                                         every IPv4 address or of HOST: a name, an
                                         IPv4 address, an [IPv6] address; as
                                         descriptor FD; repeatable
          --path=PATH                    listen on a Unix socket; repeatable; on Linux
                                         unix:@NAME is one without a file
                                         Behind both: ,mode=660,user=NAME,group=NAME
                                         ,backlog=N,reuseport,v6only,v4v6,freebind
          --backlog=N                    length of a queue (default: the longest)

        Workers:
          --dir=DIRECTORY                where they run
          --interval=TIME                how long a new one must live to be taken, and
                                         the pace of retries (default 1)
          --signal-on-hup=SIGNAL         what ends old ones after HUP (default TERM)
          --signal-on-term=SIGNAL        what ends all after TERM (default TERM)
          --kill-old-delay=TIME          how long old ones stay beside the new
                                         (default 0; 5 with --enable-auto-restart)
          --enable-auto-restart          replace them now and then
          --auto-restart-interval=TIME   how often (default 360)
          --envdir=DIRECTORY             variables for them: a file each, whose first
                                         line is the value; read at every start

        The superdaemon:
          --pid-file=FILE                where it writes its pid
          --status-file=FILE             where it writes GENERATION:PID of each worker
          --log-file=FILE                its output and theirs, appended
          --log-file='| COMMAND'         the same, to a command
          --daemonize                    go to the background; needs --log-file
          --restart                      send HUP to the one of --pid-file, and wait
                                         until --status-file tells of new workers only
          --stop                         send TERM to the one of --pid-file, and wait
                                         for its end
          --help, --version              print this, or the version

        The environment may say ENVDIR, ENABLE_AUTO_RESTART, AUTO_RESTART_INTERVAL and
        KILL_OLD_DELAY instead; the envdir's files of the last three names beat both.

        Not in Server::Starter:
          --readiness=interval|notify    take a new worker when it has lived for the
                                         interval (default), or when it says READY=1
          --start-timeout=TIME           how long a start with --readiness=notify, a
                                         --restart or an --upgrade may take (default
                                         30)
          --stop-timeout=TIME            KILL what has not ended that long after its
                                         signal (default never); gives each worker a
                                         process group of its own
          --watchdog=TIME                KILL a worker that has not said WATCHDOG=1
                                         for so long (default never)
          --max-old-generations=N        KILL the oldest beyond so many (default none)
          --backoff=BASE,MAX             the least time between two starts of a worker
                                         that fails, and what it grows to (0.1,1)
          --control-socket=PATH          a Unix socket, mode 600, for 'help', 'show
                                         proc', 'reload' and other commands; behind
                                         it may stand ,mode=660,user=NAME,group=NAME
          --upgrade                      replace the start_server of --pid-file by the
                                         installed one: same pid, sockets, workers
          --send-signal=SIGNAL           send it to the start_server of --pid-file;
                                         0 only tells whether one runs
          --user=NAME, --group=NAME      whom the workers run as; start_server itself
                                         keeps its rights
          --reuseport                    SO_REUSEPORT on the ports
          --syslog                       its own lines to syslog(3) besides
          --syslog-facility=NAME         user, daemon, local0 and so on (default daemon)
          --syslog-tag=TEXT              what they begin with (default start_server)
          --log-mode=MODE                permissions of the log file, octal
          --log-group=GROUP              group of the log file

        """
}
