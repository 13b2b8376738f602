/* Seconds of an in-place MPI_Allreduce (sum of floats), one number a line: mpi_allreduce BYTES ROUNDS SUMS */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    if (argc != 4) {
        fprintf(stderr, "usage: mpi_allreduce BYTES ROUNDS SUMS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    int count = (int)(atol(argv[1]) / sizeof(float)), rounds = atoi(argv[2]), sums = atoi(argv[3]), rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    float *values = malloc(count * sizeof(float));
    for (int round = -1; round < rounds; round++) { /* the first is a warm-up */
        for (int i = 0; i < count; i++)
            values[i] = 1.0f;
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        for (int sum = 0; sum < sums; sum++)
            MPI_Allreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        double seconds = (MPI_Wtime() - start) / sums, slowest;
        MPI_Reduce(&seconds, &slowest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
        if (rank == 0 && round >= 0)
            printf("%.9f\n", slowest);
    }
    free(values);
    MPI_Finalize();
    return 0;
}
