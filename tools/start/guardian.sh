# Outlives the supervisor by a few seconds and ends what a `kill -9` of it left behind. Its standard input is a pipe
# that the supervisor holds open and tells through: "add PID SIGNAL", "remove PID". The pipe's end without a "bye" means
# that the supervisor is gone; then each process gets its signal, the last started first, and after four seconds
# SIGKILL, with all that it has started.
trap '' HUP INT TERM

# A process and all that it has started: each of PostgreSQL's leads a group of its own, and if they are frozen they do not
# notice that their server is gone. Without ps it is the process alone.
tree() {
  echo "$1"
  for child in $(ps -A -o pid= -o ppid= 2>/dev/null | while read -r pid parent; do
    [ "$parent" = "$1" ] && echo "$pid"
  done); do
    tree "$child"
  done
}

wards=''
while read -r word pid signal; do
  case $word in
    add) wards="$pid:$signal $wards" ;;
    remove)
      kept=''
      for ward in $wards; do
        case $ward in "$pid":*) ;; *) kept="$kept$ward " ;; esac
      done
      wards=$kept
      ;;
    bye) exit 0 ;;
  esac
done
for ward in $wards; do
  pid=${ward%%:*}
  kill -"${ward##*:}" "$pid" 2>/dev/null || continue
  tries=40
  while kill -0 "$pid" 2>/dev/null && [ $tries -gt 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
  done
  # Once it is gone nobody knows any more what it has started.
  kill -0 "$pid" 2>/dev/null && kill -KILL $(tree "$pid") 2>/dev/null
  kill -KILL "-$pid" 2>/dev/null
done
