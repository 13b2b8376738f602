from gluonlab import errors


def test_a_problem_is_one_line_whatever_it_quotes():
    error = errors.DataError("DAT04", "a.rec", "bad\nrecord", "mend\tit")
    assert str(error) == "error[DAT04] a.rec: bad record; mend it"


def test_all_problems_of_a_configuration_are_told_each_on_its_line():
    problems = [errors.Problem("A", "x", "y"), errors.Problem("B", "z", "w", "h")]
    assert str(errors.ConfigError.from_problems(problems)) == "error[A] x: y\nerror[B] z: w; h"


def test_each_class_has_the_exit_code_of_the_contract():
    classes = (
        errors.ConfigError,
        errors.DataError,
        errors.CheckpointError,
        errors.NumericError,
        errors.DivergenceError,
        errors.ClusterError,
        errors.SetupError,
        errors.ResourceError,
    )
    assert [one.exit_code for one in classes] == [2, 3, 4, 5, 6, 7, 8, 9]
