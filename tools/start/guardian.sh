# Outlives the supervisor by a few seconds and ends what a `kill -9` of it left behind. Its standard input is a pipe
# that the supervisor holds open and tells through: "add PID SIGNAL", "remove PID". The pipe's end without a "bye" means
# that the supervisor is gone; then each process gets its signal, the last started first, and SIGKILL after four seconds.
trap '' HUP INT TERM
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
  kill -KILL "-$pid" 2>/dev/null
done
