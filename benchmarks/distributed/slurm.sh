#!/bin/bash
# One shard for each task of a SLURM array; what is killed is queued again, and goes on where it was:
#   job=$(sbatch --parsable --array=1-16 slurm.sh CLIPS OUT --engine openvino)
#   sbatch --dependency=afterok:$job --wrap "quest82 merge OUT"
#SBATCH --job-name=essences
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
quest82 extract "$@" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
