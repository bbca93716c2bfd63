// The client for administrators: starts, stops and asks daemons.
Daemonctl.main()
