from copy import deepcopy

from gluonlab.training.identity import differing, not_known

NOW = {
    "recipe": {"epochs": 2.0, "optimizer": {"name": "nag"}, "phases": []},
    "data": {
        "class_names": ["cat", "dog"],
        "train": {
            "name": "a.rec",
            "images": 4,
            "images_of_classes": [2, 2],
            "labels": "x",
            "parts": ["a", "b"],
        },
        "val": {
            "name": "v.rec",
            "images": 2,
            "images_of_classes": [1, 1],
            "labels": "y",
            "parts": ["c", "d"],
        },
    },
}
EARLIER = {"recipe": NOW["recipe"], "train_labels": "x", "val_labels": "y"}


def changed(**of_data):
    other = deepcopy(NOW)
    for name, value in of_data.items():
        other["data"][name] = {**other["data"][name], **value} if isinstance(value, dict) else value
    return dict(differing(NOW, other))


def test_nothing_differs_from_itself():
    assert list(differing(NOW, deepcopy(NOW))) == []
    assert not_known(NOW, NOW) == []


def test_keys_of_the_recipe_stand_without_a_prefix():
    other = deepcopy(NOW)
    other["recipe"].update(epochs=4.0, optimizer={"name": "sgd"}, phases=[1, 2, 3, 4, 5, 6])
    assert dict(differing(NOW, other)) == {
        "epochs": "epochs was 2.0, now 4.0",
        "optimizer.name": "optimizer.name was 'nag', now 'sgd'",
        "phases": "phases was [], now 6 from [1, 2, 3, 4, 5] on",
    }


def test_data_are_compared_by_split():
    assert changed(val={"images": 3, "images_of_classes": [2, 1]}) == {
        "data.val": "data.val: was 2 images, now 3, class 'cat' had 1, has 2"
    }
    assert list(changed(train={"parts": ["a", "z"]})) == ["data.train"]
    assert changed(class_names=["dog", "cat"]) == {
        "data.class_names": "data.class_names: class 0 was 'cat', now 'dog', class 1 was 'dog', now 'cat'"
    }
    assert changed(train={"name": "b.rec"}) == {}  # where it lies does not matter


def test_an_earlier_version_knew_the_labels_alone():
    assert list(differing(EARLIER, NOW)) == []
    assert not_known(EARLIER, NOW) == [
        "the images of data.train",
        "the images of data.val",
        "the names of classes",
    ]
    assert dict(differing({**EARLIER, "val_labels": "z"}, NOW)) == {"data.val": "data.val: has other labels"}
    between = {**EARLIER, "data": {"class_names": ["cat", "dog"]}}
    assert not_known(between, NOW) == ["the images of data.train", "the images of data.val"]
    assert list(differing({**between, "data": {"class_names": ["dog"]}}, NOW)) != []


def test_synthetic_data_have_nothing_to_compare():
    synthetic = {"recipe": {}, "data": {"class_names": [], "train": {}, "val": {}}}
    assert (
        list(differing({"recipe": {}, "train_labels": "synthetic", "val_labels": "synthetic"}, synthetic))
        == []
    )
    assert not_known({"recipe": {}, "train_labels": "synthetic", "val_labels": "synthetic"}, synthetic) == []
