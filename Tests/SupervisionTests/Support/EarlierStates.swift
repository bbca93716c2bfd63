/// States as the version before the issue 11 wrote them: every later one reads them.
enum EarlierStates {
    /// masterd at 5 s, in a rollout of two stages, with a disabled service, kept ones, and requesters who wait.
    static let services = """
        supervisor committed=1 counter=20 current=2,3,4,5,6 failedReloads=0 generation=2 hasWaiting=1 held=cron \
        lastAccepted=5000000000 random=4354685564936845354 version=1 waiting=3 ~171108255
        service backoffBase=100000000 backoffMaximum=1000000000 index=0 instances=1 jitter=0 name=db \
        readiness=notified restart=always startTimeout=60000000000 stopSignal=15 stopTimeout=10000000000 \
        watchdog=30000000000 ~3089341734
        service after=db backoffBase=100000000 backoffMaximum=1000000000 index=1 instances=2 jitter=20 name=web \
        readiness=notified restart=always startTimeout=60000000000 stopSignal=15 stopTimeout=10000000000 ~2188909904
        service backoffBase=100000000 backoffMaximum=1000000000 index=2 instances=1 jitter=0 limit=5 name=stats \
        onReload=signal readiness=notified reloadSignal=10 restart=always startTimeout=60000000000 stopSignal=15 \
        stopTimeout=10000000000 uncritical=1 window=60000000000 ~2443479734
        service aliveFor=2000000000 backoffBase=100000000 backoffMaximum=1000000000 index=3 instances=1 jitter=0 \
        name=cron onReload=keep readiness=alive restart=always sharesGroup=1 startTimeout=60000000000 stopSignal=15 \
        stopTimeout=10000000000 ~2936436793
        plan maximumOldAge=300000000000 maximumOldGenerations=3 retireDelay=2000000000 role=current services=0,1,2,3 \
        ~103229820
        plan maximumOldAge=300000000000 maximumOldGenerations=3 retireDelay=2000000000 role=round services=0,1,2,3 \
        ~3826766831
        round number=13 requesters=2 slots=14,15,16,5,6 stage=1 ~184836682
        kept service=2 slot=5 stage=0 ~1649677162
        kept service=3 slot=6 stage=0 ~2379899614
        slot child=7 failures=0 generation=1 id=2 instance=0 lastSpawn=0 service=0 stage=0 ~595238722
        slot child=12 failures=1 generation=1 id=3 instance=0 lastSpawn=2100000000 service=1 stage=1 ~2902602703
        slot child=11 failures=0 generation=1 id=4 instance=1 lastSpawn=2000000000 service=1 stage=1 ~343086260
        slot child=20 failures=0 generation=1 id=5 instance=0 lastSpawn=5000000000 restarts=5000000000 service=2 \
        stage=0 ~2438272049
        slot child=9 failures=0 generation=1 id=6 instance=0 lastSpawn=0 service=3 stage=0 ~3223056985
        slot child=17 failures=0 generation=2 id=14 instance=0 lastSpawn=5000000000 round=13 service=0 stage=0 \
        ~14330813
        slot child=18 failures=0 generation=2 id=15 instance=0 lastSpawn=5000000000 round=13 service=1 stage=1 \
        ~399082079
        slot child=19 failures=0 generation=2 id=16 instance=1 lastSpawn=5000000000 round=13 service=1 stage=1 \
        ~1383659110
        child deadline=32000000000 generation=1 group=1 groupID=100 id=7 instance=0 lastGeneration=1 phase=ready \
        pid=100 readyAt=2000000000 service=db slot=2 spawnedAt=0 stage=0 stopSignal=15 stopTimeout=10000000000 \
        watchdog=30000000000 ~3297734399
        child deadline=15000000000 generation=1 id=9 instance=0 lastGeneration=1 phase=stopping pid=102 probation=1 \
        readyAt=2000000000 service=cron slot=6 spawnedAt=0 stage=0 stopSignal=15 stopTimeout=10000000000 told=15 \
        ~111642583
        child generation=1 group=1 groupID=104 id=11 instance=1 lastGeneration=1 phase=ready pid=104 \
        readyAt=2000000000 service=web slot=4 spawnedAt=2000000000 stage=1 stopSignal=15 stopTimeout=10000000000 \
        ~3940899391
        child generation=1 group=1 groupID=105 id=12 instance=0 lastGeneration=1 phase=ready pid=105 \
        readyAt=5000000000 service=web slot=3 spawnedAt=2100000000 stage=1 stopSignal=15 stopTimeout=10000000000 \
        ~3744513460
        child deadline=35000000000 generation=2 group=1 groupID=106 id=17 instance=0 lastGeneration=2 phase=ready \
        pid=106 readyAt=5000000000 service=db slot=14 spawnedAt=5000000000 stage=0 stopSignal=15 \
        stopTimeout=10000000000 watchdog=30000000000 ~979786234
        child generation=2 group=1 groupID=107 id=18 instance=0 lastGeneration=2 phase=ready pid=107 \
        readyAt=5000000000 service=web slot=15 spawnedAt=5000000000 stage=1 stopSignal=15 stopTimeout=10000000000 \
        ~1985703411
        child deadline=65000000000 generation=2 group=1 groupID=108 id=19 instance=1 lastGeneration=2 phase=starting \
        pid=108 service=web slot=16 spawnedAt=5000000000 stage=1 stopSignal=15 stopTimeout=10000000000 ~3189554783
        child deadline=65000000000 generation=1 group=1 groupID=109 id=20 instance=0 lastGeneration=1 phase=starting \
        pid=109 service=stats slot=5 spawnedAt=5000000000 stage=0 stopSignal=15 stopTimeout=10000000000 ~3065735742
        restarts count=1 service=stats ~2078747793
        restarts count=1 service=web ~1398896244
        wait children=9 goal=end requester=1 ~1335073320
        wait goal=everything requester=5 ~58852683
        order requester=4 service=stats verb=restart ~3820586760
        """

    /// start_server at 2 s, in a rollout whose first attempt has failed.
    static let worker = """
        supervisor committed=2 counter=9 current=5 failedReloads=0 generation=3 hasWaiting=1 lastAccepted=2000000000 \
        random=11400714819323198485 version=1 waiting=3 ~322226958
        service aliveFor=1000000000 backoffBase=100000000 backoffMaximum=1000000000 index=0 instances=1 jitter=0 \
        name=worker readiness=alive restart=always sharesGroup=1 startTimeout=9000000000 stopSignal=15 ~3546238135
        plan countsAttempts=1 reloadInterval=60000000000 retireDelay=0 retriesStarts=1 role=current services=0 \
        ~2865468214
        plan countsAttempts=1 reloadInterval=60000000000 retireDelay=0 retriesStarts=1 role=round services=0 \
        ~2938808357
        round number=7 requesters=2 slots=8 stage=0 ~3901224887
        slot child=6 failures=0 generation=1 id=5 instance=0 lastSpawn=1000000000 service=0 stage=0 ~38203097
        slot failures=1 generation=2 id=8 instance=0 lastSpawn=2000000000 restartAt=3000000000 round=7 service=0 \
        stage=0 ~2511998382
        child generation=2 id=6 instance=0 lastGeneration=2 phase=ready pid=101 probation=1 readyAt=2000000000 \
        service=worker slot=5 spawnedAt=1000000000 stage=0 stopSignal=15 ~3582197026
        restarts count=1 service=worker ~3792425756
        """

    /// masterd with an old generation, a stillborn child, one on its way to its program, and a crash behind it.
    static let generations = """
        supervisor committed=2 counter=12 current=5 failedReloads=1 firstBadCode=139 generation=4 lastAccepted=0 \
        lastFailedReload=0 random=11400714819323198485 version=1 ~2516534137
        service backoffBase=100000000 backoffMaximum=1000000000 index=0 instances=1 jitter=0 name=web \
        readiness=notified restart=never startTimeout=3000000000 stopSignal=15 stopTimeout=60000000000 ~3826200048
        plan maximumOldAge=5000000000 retireDelay=0 role=current services=0 ~4108140872
        plan maximumOldAge=5000000000 retireDelay=0 role=round services=0 ~3744062891
        round number=10 requesters=2 slots=11 stage=0 ~2347491051
        slot failures=0 generation=2 id=5 instance=0 lastSpawn=0 over=1 service=0 stage=0 ~3001110936
        slot child=12 failures=0 generation=4 id=11 instance=0 lastSpawn=0 round=10 service=0 stage=0 ~1889668437
        child deadline=5000000000 endBy=5000000000 generation=1 group=1 groupID=100 id=3 instance=0 lastGeneration=1 \
        phase=stopping pid=100 readyAt=0 retired=1 service=web slot=2 spawnedAt=0 stage=0 stopSignal=15 \
        stopTimeout=60000000000 told=15 ~2413822785
        child generation=3 group=1 groupID=102 id=9 instance=0 lastGeneration=3 phase=killed pid=102 retired=1 \
        service=web slot=8 spawnedAt=0 stage=0 stillborn=1 stopSignal=15 stopTimeout=60000000000 ~1284886348
        child deadline=3000000000 generation=4 group=1 groupID=103 id=12 instance=0 lastGeneration=4 phase=executing \
        pid=103 service=web slot=11 spawnedAt=0 stage=0 stopSignal=15 stopTimeout=60000000000 ~95572851
        """
}
